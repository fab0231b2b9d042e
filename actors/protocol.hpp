// Every message that a profile actor understands. They carry pointers into work that outlives them and never leave the
// process, so they are neither copied nor serialized.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <cstdint>

namespace kith::actors {

struct batch;
struct read_group;
class backfill_credit;

/// Count events[index] of the batch; its outcome goes into the batch.
struct apply_event {
  batch* of = nullptr;
  std::uint32_t index = 0;
};

/// What was asked about the profile goes into the group.
struct read_profile {
  read_group* of = nullptr;
  std::uint32_t index = 0;
};

/// Bring the standing up to date: time has come, or the definitions are others.
struct refresh_standing {
  backfill_credit* of = nullptr;  ///< to be told when it is done; null: nobody
};

}  // namespace kith::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(kith::actors::apply_event)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(kith::actors::read_profile)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(kith::actors::refresh_standing)
