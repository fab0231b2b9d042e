// Arbitrary bytes as a tree of keys, as a sealed record, and as what a record is made of: a tree that can be read is
// written as it was, a sealed record opens as what was sealed, and nothing else opens.
//
// The input: where a byte is changed (2), how (1), length of the head (1), head; then pieces, each: address (1; 0: its
// key was destroyed), note (1), length (1), bytes. The last one may be cut.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/key_ring.hpp"
#include "persistence/sealed_record.hpp"
#include "persistence/simulated_files.hpp"

namespace {

using namespace kith::persistence;
using kith::profile::hash128;
using kith::profile::taker;

constexpr std::size_t cache_bytes = 4096;  // small, so that keys give way to each other

void check(bool holds) {
  if (!holds) std::abort();
}

hash128 address_of(unsigned char number) { return {number * 0x9e3779b97f4a7c15ULL, number}; }
constexpr unsigned char destroyed = 0;

/// A ring with an epoch, which both ends use.
struct ring_rig {
  ring_rig() {
    auto opened = key_ring::open(files, "/data/keys", {}, [](auto, auto) {});
    check(opened.has_value());
    ring = std::move(*opened);
    check(ring->begin_epoch().has_value());
    const hash128 gone = address_of(destroyed);
    check(ring->destroy({&gone, 1}).has_value());
    sealer = std::make_unique<record_sealer>(ring->current(), 1, cache_bytes);
    opener = std::make_unique<record_opener>(*ring, cache_bytes);
  }

  simulated_files files;
  std::unique_ptr<key_ring> ring;
  std::unique_ptr<record_sealer> sealer;
  std::unique_ptr<record_opener> opener;
};

void read_as_tree(std::string_view bytes) {
  taker in(bytes);
  auto tree = key_tree::decode(in);
  if (in.failed()) return;
  std::string again;
  tree.encode(again);
  check(again == bytes.substr(0, bytes.size() - in.rest().size()));

  secret_hasher by;
  const hash128 address{0x0123456789abcdef, 42};
  const bool there = tree.key_of(address, by).has_value();
  check((tree.covering(address) != nullptr) == there);
  check(tree.destroy({address}, by) == (there ? 1U : 0U));
  check(tree.covering(address) == nullptr);
  again.clear();
  tree.encode(again);
  taker punctured(again);
  check(key_tree::decode(punctured).size() == tree.size() && !punctured.failed() && punctured.done());
}

struct parts {
  std::size_t place = 0;
  unsigned char change = 0;
  std::string_view head;
  std::vector<record_piece> pieces;
};

parts cut(std::string_view bytes) {
  parts made;
  taker in(bytes);
  made.place = in.number<std::uint16_t>();
  made.change = in.number<unsigned char>();
  if (in.failed()) return made;
  const auto some = [&] { return in.take(std::min<std::size_t>(in.number<std::uint8_t>(), in.rest().size())); };
  made.head = some();
  while (!in.done()) {
    record_piece piece;
    piece.address = address_of(in.number<unsigned char>());
    piece.note = in.number<unsigned char>();
    piece.bytes = some();
    if (!in.failed()) made.pieces.push_back(piece);
  }
  return made;
}

void seal_and_open(ring_rig& rig, parts of) {
  std::string payload;
  rig.sealer->seal(of.head, of.pieces, payload);
  std::erase_if(of.pieces, [](const record_piece& each) { return each.address == address_of(destroyed); });
  opened_record opened;
  check(is_sealed(payload) && rig.opener->open(payload, opened).has_value());
  check(opened.head == of.head && opened.destroyed == 0 && opened.pieces.size() == of.pieces.size());
  for (std::size_t i = 0; i < of.pieces.size(); ++i) {
    const auto& got = opened.pieces[i];
    const auto& put = of.pieces[i];
    check(got.address == put.address && got.note == put.note && got.bytes == put.bytes && !got.destroyed);
  }

  const auto place = of.place % payload.size();
  auto changed = payload;
  changed[place] = static_cast<char>(static_cast<unsigned char>(changed[place]) ^ (of.change == 0 ? 1U : of.change));
  check(!rig.opener->open(changed, opened).has_value());
  check(!rig.opener->open(std::string_view(payload).substr(0, place), opened).has_value());
  check(rig.opener->open(payload, opened).has_value());  // what failed has left nothing behind
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static ring_rig rig;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  read_as_tree(bytes);
  opened_record opened;
  check(!rig.opener->open(bytes, opened).has_value());  // nobody seals without the keys
  seal_and_open(rig, cut(bytes));
  return 0;
}
