// MessagePack as values, read where it lies: strings are views, arrays and maps are walked when they are asked.
#pragma once

#include <string_view>

#include "profile/cel/arena.hpp"
#include "profile/cel/value.hpp"
#include "profile/msgpack.hpp"

namespace kith::profile::cel {

/// The first value of the bytes, which must outlive it. Integers over INT64_MAX are uint, floats double, the timestamp
/// extension timestamp; a map's later entry of the same key is not seen. Bytes that end early or hold another extension
/// are an error, found when they are reached. Costs an object in the arena for an array or a map.
value from_msgpack(std::string_view encoded, arena& memory) noexcept;

/// Timestamps become the timestamp extension, durations and types strings, opaques and errors nil.
void write_msgpack(const value& of, msgpack::writer& out);
void write_msgpack(const value& of, msgpack::writer& out, arena& memory);

}  // namespace kith::profile::cel
