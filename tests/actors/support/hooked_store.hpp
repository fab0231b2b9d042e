// A store that lets a test look at each call: hold it, fail it before or behind the real one, do something meanwhile.
#pragma once

#include <functional>
#include <memory>

#include "actors/runtime.hpp"
#include "persistence/store.hpp"

namespace kith::tests {

enum class store_call : unsigned char {
  load,
  load_standings,
  load_identities,
  is_spilled,
  save,
  feed,
  erase,
  compact,
  flush
};

/// Both may be called from any thread; an error is the call's outcome. The addresses are those asked for or saved.
struct store_hooks {
  using hook = std::function<result<void>(store_call what, const std::vector<profile::hash128>& addresses)>;
  hook before = [](auto, const auto&) { return result<void>(); };
  hook after = [](auto, const auto&) { return result<void>(); };
};

/// `options` with every store hooked. The hooks outlive the runtime.
actors::runtime_options hooked(actors::runtime_options options, const store_hooks& hooks);

}  // namespace kith::tests
