// What a person has agreed to, by purpose. Of a purpose the newest word counts, as of a trait: that of the later event,
// at the same time that of the larger messageId. A signal of Global Privacy Control is one fact beside them, the first
// that came; the rules say which purposes it denies, when it is read. So the state does not depend on the order of
// arrival, nor on the configuration.
//
// Encoding: entries sorted by purpose: purpose (length 1), status (1), basis (1), overrides the signal (1), time (8),
// messageId, source, version (length 1 each). The signal is the entry whose purpose is empty.
//
// Invariants: at most limits::consent_purposes purposes, the first by name of all that were ever said, so that these do
// not depend on the order either.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "profile/event.hpp"
#include "profile/msgpack.hpp"
#include "profile/privacy_rules.hpp"
#include "profile/state.hpp"
#include "profile/traits.hpp"

namespace kith::profile::consent {

enum class status : std::uint8_t { denied, granted, withdrawn };
std::string_view name_of(status of) noexcept;

/// What was said of a purpose.
struct decision {
  std::string_view purpose;
  status what = status::denied;
  legal_basis basis = legal_basis::unsaid;
  bool overrides_gpc = false;  ///< granted though the browser sends the signal, and knowing that
  stamp by{};
  std::string_view source{};
  std::string_view version{};
};

/// What holds for a purpose.
struct verdict {
  status what = status::denied;
  legal_basis basis = legal_basis::unsaid;
  std::string_view source{};   ///< "default", "gpc", or as it was said
  std::string_view version{};  ///< of the text that was agreed to; empty: not said
  stamp by{};                  ///< the event; no messageId: the configuration

  bool granted() const noexcept { return what == status::granted; }
  bool is_default() const noexcept { return by.message_id.empty(); }
};

/// Reads `context.consent`, one whole value: {categoryPreferences: {PURPOSE: bool}, purposes: {PURPOSE: {granted or
/// status, basis, source, version, overridesGpc}}}. Adds what it says to `into`, without `by`. False, with `problem`
/// set, if it is none.
bool read(std::string_view said, std::vector<decision>& into, std::string& problem);

void apply(state& of, const event_view& event);
void join(state& of, const state& other);
/// Would apply() leave out a purpose, for there are too many?
bool overflows(const state& of, const event_view& event);
/// Does the event name a purpose that the rules do not have? False if they have none at all.
bool names_unknown(const event_view& event, const privacy_rules& rules);

verdict judge(const state& of, const privacy_rules& rules, std::string_view purpose);
/// Every purpose that is configured or was spoken of, by name.
struct named_verdict {
  std::string_view purpose;
  verdict what;
};
void judge_all(const state& of, const privacy_rules& rules, std::vector<named_verdict>& into);

/// `{status, granted, basis?, source?, version?, at?, messageId?}`
void write(const verdict& of, msgpack::writer& out);
/// `{PURPOSE: {status, …}, …}`
void write(const state& of, const privacy_rules& rules, msgpack::writer& out);

/// Are these bytes that apply() and join() leave?
bool valid(std::string_view bytes);

}  // namespace kith::profile::consent
