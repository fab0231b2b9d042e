#include "profile/segments/maker.hpp"

#include <algorithm>
#include <numeric>

#include "profile/bytes.hpp"
#include "profile/cel/check.hpp"
#include "profile/cel/explain.hpp"
#include "profile/cel/parse.hpp"
#include "profile/segments/bounds.hpp"
#include "profile/segments/order.hpp"
#include "profile/segments/standing.hpp"

namespace kith::profile::segments {

namespace {

/// Past that many problems no name is proposed: to find the nearest of thousands takes its time.
constexpr std::size_t most_proposals = 100;

bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_name(std::string_view name) noexcept {
  const auto allowed = [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  };
  return !name.empty() && name.size() <= bounds::name_bytes && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(), allowed);
}

cel::type type_of(function ends) {
  switch (ends) {
    case function::count:
    case function::distinct: return cel::simple(cel::type_kind::integer);
    case function::sum:
    case function::min:
    case function::max:
    case function::avg: return cel::simple(cel::type_kind::real);
    case function::any: return cel::simple(cel::type_kind::boolean);
    default: return cel::simple(cel::type_kind::dyn);
  }
}

/// What an aggregate keeps, in bytes that never change: its key is their hash.
std::string canonical(const chain& of, storage held, std::string_view predicate) {
  std::string text = "kith aggregate 1";
  put(text, held);
  put_text<std::uint32_t>(text, of.event);
  put_text<std::uint32_t>(text, predicate);
  put(text, is_list(held) ? of.window_ms : std::int64_t{0});
  for (const auto& key : of.path) put_text<std::uint32_t>(text, key);
  return text;
}

bool by_kind_and_name(const definition& left, const definition& right) noexcept {
  return left.kind != right.kind ? left.kind < right.kind : left.name < right.name;
}

void sort_unique(std::vector<std::uint32_t>& numbers) {
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

std::uint64_t fingerprint_of(const std::vector<definition>& definitions, const privacy_rules& rules) {
  if (definitions.empty() && !rules.forgets_traits()) return 0;
  std::string text = "kith catalog 1";
  for (const auto& each : definitions) {
    put(text, each.kind);
    put_text<std::uint32_t>(text, each.name);
    put_text<std::uint32_t>(text, each.expression);
    if (each.disabled) text += "disabled";
    if (!each.purpose.empty()) put_text<std::uint32_t>(text += "for", each.purpose);
  }
  if (rules.fingerprint() != 0) put(text, rules.fingerprint());
  return std::max<std::uint64_t>(hash_of(text).low, 1);
}

}  // namespace

maker::maker(std::vector<definition> definitions, std::shared_ptr<const privacy_rules> rules)
    : definitions_(std::move(definitions)), rules_(std::move(rules)) {
  std::stable_sort(definitions_.begin(), definitions_.end(), by_kind_and_name);
}

void maker::fault(std::size_t index, const cel::diagnostic& what) {
  const auto& of = definitions_[index];
  problems_.push_back(
      {of.kind, of.name, what.message + (what.mend.empty() ? "" : "; " + what.mend), what.line, what.column});
}

void maker::fault(std::size_t index, std::string message) {
  problems_.push_back({definitions_[index].kind, definitions_[index].name, std::move(message), 1, 1});
}

void maker::check_name(std::size_t index) {
  const auto& of = definitions_[index];
  if (!is_name(of.name)) fault(index, "the name must be 1 to 64 of A-Z a-z 0-9 _ . -, first a letter");
  if (!index_.emplace(std::pair(of.kind, of.name), static_cast<std::uint32_t>(index)).second)
    fault(index, "is defined twice");
}

void maker::check_purpose(std::size_t index) {
  const auto& named = definitions_[index].purpose;
  if (named.empty() || rules_ == nullptr || rules_->find(named) != nullptr) return;
  const auto& known = rules_->purposes();
  fault(index, "no such purpose \"" + named + "\"; " +
                   (known.empty() ? "none is configured: [consent.purposes.NAME]"
                                  : "configured are " + rules_->purpose_list()));
}

std::uint32_t maker::name_index(const std::string& event) {
  const auto hash = hash_of_name(event);
  const auto [found, is_new] = body_->names_by_hash.emplace(hash, static_cast<std::uint32_t>(body_->names.size()));
  if (is_new) {
    auto& made = body_->names.emplace_back();
    made.name = event;
    made.hash = hash;
  }
  return found->second;
}

bool maker::add_predicate(std::size_t index, const chain& of, std::uint32_t& predicate) {
  if (of.variable.empty()) return true;
  auto& tree = drafts_[index].tree;
  const auto text = of.variable + ": " + cel::unparse(tree, of.predicate);
  if (const auto found = predicate_index_.find(text); found != predicate_index_.end()) {
    predicate = found->second;
    return true;
  }
  cel::environment names;
  names.with(of.variable, "map(string, dyn)");
  const auto type = cel::check(tree, of.predicate, names);
  if (!type) return fault(index, type.error()), false;
  if (!type->is(cel::type_kind::boolean) && !type->is(cel::type_kind::dyn)) {
    fault(index, cel::diagnose(tree.source, tree.at(of.predicate).where,
                               "the condition of .where() is " + type->text() + ", not bool", "compare it"));
    return false;
  }
  const auto compiled = cel::compile(tree, of.predicate, names);
  if (!compiled) return fault(index, compiled.error()), false;
  predicate = static_cast<std::uint32_t>(body_->predicates.size());
  predicate_index_.emplace(text, predicate);
  body_->predicates.push_back({text, *compiled});
  return true;
}

bool maker::add_chain(std::size_t index, const chain& of) {
  slot made;
  made.ends = of.ends;
  made.window_ms = of.window_ms;
  made.name = name_index(of.event);
  const bool counted = of.path.empty();
  if (counted && of.variable.empty() && of.window_ms == 0) {
    made.from = slot::source::counter;
    made.index = made.name;
  } else {
    made.from = slot::source::aggregate;
    std::uint32_t predicate = no_predicate;
    if (!add_predicate(index, of, predicate)) return false;
    const auto held = storage_of(of.ends, of.window_ms != 0);
    const auto key =
        hash_of(canonical(of, held, predicate == no_predicate ? "" : body_->predicates[predicate].text)).low;
    const auto [found, is_new] = aggregate_index_.emplace(key, static_cast<std::uint32_t>(body_->aggregates.size()));
    made.index = found->second;
    if (is_new) {
      const auto window_ms = is_list(held) ? of.window_ms : 0;
      body_->aggregates.push_back({key, body_->names[made.name].hash, held, window_ms, of.path, predicate, {}, {}});
    }
    auto& windows = body_->aggregates[made.index].windows;
    const bool known = std::find(windows.begin(), windows.end(), of.window_ms) != windows.end();
    if (of.window_ms != 0 && !known) windows.push_back(of.window_ms);
  }
  auto& draft = drafts_[index];
  draft.tree.replace(of.node, static_cast<std::uint32_t>(draft.slots.size()), type_of(of.ends));
  draft.slots.push_back(made);
  return true;
}

bool maker::prepare(std::size_t index) {
  auto& draft = drafts_[index];
  const auto& of = definitions_[index];
  const auto* const nothing = of.kind == definition_kind::segment ? "false" : "null";
  auto tree = cel::parse(of.disabled ? nothing : of.expression);
  if (!tree) return fault(index, tree.error()), false;
  draft.tree = std::move(*tree);
  const auto chains = chains_of(draft.tree);
  if (!chains) return fault(index, chains.error()), false;
  for (const auto& each : *chains) {
    if (!add_chain(index, each)) return false;
  }
  if (const auto replaced = replace_references(draft); !replaced) return fault(index, replaced.error()), false;
  const auto type = cel::check(draft.tree, expression_names());
  if (!type) return fault(index, type.error()), false;
  if (of.kind == definition_kind::segment && !type->is(cel::type_kind::boolean) && !type->is(cel::type_kind::dyn)) {
    const auto mend = type->is_number() ? "compare it, e.g. … > 0" : "make it a comparison";
    fault(index, cel::diagnose(draft.tree.source, draft.tree.at(draft.tree.root).where,
                               "a segment is a condition, but this is " + type->text(), mend));
    return false;
  }
  const auto compiled = cel::compile(draft.tree, expression_names());
  if (!compiled) return fault(index, compiled.error()), false;
  programs_[index] = *compiled;
  return true;
}

bool maker::resolve(std::size_t index) {
  auto& draft = drafts_[index];
  bool good = true;
  for (auto& each : draft.references) {
    const auto found = index_.find({each.kind, each.name});
    if (found != index_.end()) {
      each.target = found->second;
      needs_[index].push_back(each.target);
      continue;
    }
    std::vector<std::string_view> known;
    const bool proposes = problems_.size() < most_proposals;
    for (const auto& [key, at] : index_) {
      if (!proposes) break;
      if (key.first == each.kind) known.push_back(key.second);
    }
    const std::string near(cel::nearest(each.name, known));
    const std::string what = each.kind == definition_kind::segment ? "segment" : "computed trait";
    fault(index, cel::diagnose(draft.tree.source, each.where, "no such " + what + " \"" + each.name + "\"",
                               near.empty() ? "" : "did you mean \"" + near + "\"?"));
    good = false;
  }
  sort_unique(needs_[index]);
  return good;
}

std::string maker::shown(std::uint32_t index) const {
  const auto& of = definitions_[index];
  return (of.kind == definition_kind::computed ? "computed." : "") + of.name;
}

bool maker::order() {
  auto found = order_of(needs_);
  for (const auto& circle : found.circles) {
    std::string members;
    for (const auto each : circle) members += shown(each) + " -> ";
    members += shown(circle.front());
    const auto& draft = drafts_[circle.front()];
    const auto next = circle[circle.size() > 1 ? 1 : 0];
    const auto reference = std::find_if(draft.references.begin(), draft.references.end(),
                                        [&](const auto& each) { return each.target == next; });
    fault(circle.front(), cel::diagnose(draft.tree.source, reference->where, "depends on itself: " + members,
                                        "take one of them out of the circle"));
  }
  order_ = std::move(found.order);
  return found.circles.empty();
}

/// Aggregates of one name together, by key; slots follow.
void maker::sort_aggregates() {
  auto& all = body_->aggregates;
  std::vector<std::uint32_t> by_place(all.size());
  for (std::uint32_t i = 0; i < all.size(); ++i) by_place[i] = i;
  std::sort(by_place.begin(), by_place.end(), [&](auto left, auto right) {
    return all[left].name_hash != all[right].name_hash ? all[left].name_hash < all[right].name_hash
                                                       : all[left].key < all[right].key;
  });
  std::vector<aggregate> sorted(all.size());
  std::vector<std::uint32_t> place_of(all.size());
  for (std::uint32_t i = 0; i < by_place.size(); ++i) {
    place_of[by_place[i]] = i;
    sorted[i] = std::move(all[by_place[i]]);
  }
  all = std::move(sorted);
  for (std::uint32_t i = 0; i < all.size(); ++i) {
    auto& name = body_->names[body_->names_by_hash.at(all[i].name_hash)];
    if (name.end_aggregate == 0) name.first_aggregate = i;
    name.end_aggregate = i + 1;
  }
  for (auto& draft : drafts_) {
    for (auto& each : draft.slots) {
      if (each.from == slot::source::aggregate) each.index = place_of[each.index];
    }
  }
}

void maker::place() {
  std::vector<std::uint32_t> position(order_.size());
  for (std::uint32_t i = 0; i < order_.size(); ++i) position[order_[i]] = i;
  for (std::uint32_t i = 0; i < order_.size(); ++i) {
    const auto from = order_[i];
    auto& draft = drafts_[from];
    auto& made = body_->compiled.emplace_back();
    made.key = segment_key(definitions_[from].name);
    made.tree = std::move(draft.tree);
    made.run = std::move(programs_[from]);
    made.slots = std::move(draft.slots);
    for (auto& each : made.slots) {
      if (each.from != slot::source::counter && each.from != slot::source::aggregate)
        each.index = position[draft.references[each.index].target];
      made.is_timed = made.is_timed || each.window_ms != 0;
    }
    made.is_gated = !definitions_[from].purpose.empty();
    for (const auto each : needs_[from]) made.needs.push_back(position[each]);
    std::sort(made.needs.begin(), made.needs.end());
    for (const auto each : made.needs) body_->compiled[each].dependents.push_back(i);
    body_->by_name[static_cast<std::size_t>(definitions_[from].kind)].emplace(definitions_[from].name, i);
    if (definitions_[from].kind == definition_kind::segment) body_->segment_keys.push_back(made.key);
    else body_->computed_by_name.push_back(i);
    body_->definitions.push_back(definitions_[from]);
    index_readers(i);
  }
  std::sort(body_->segment_keys.begin(), body_->segment_keys.end());
  std::sort(body_->computed_by_name.begin(), body_->computed_by_name.end(),
            [&](auto left, auto right) { return body_->definitions[left].name < body_->definitions[right].name; });
  auto& places = body_->computed_places;
  const auto key_at = [&](std::uint32_t place) { return body_->compiled[body_->computed_by_name[place]].key; };
  places.resize(body_->computed_by_name.size());
  std::iota(places.begin(), places.end(), 0U);
  std::sort(places.begin(), places.end(), [&](auto left, auto right) { return key_at(left) < key_at(right); });
  for (const auto each : places) body_->computed_keys.push_back(key_at(each));
}

void maker::index_readers(std::uint32_t position) {
  const auto& of = body_->compiled[position];
  for (const auto& each : of.slots) {
    if (each.from != slot::source::counter && each.from != slot::source::aggregate) continue;
    auto& readers = body_->names[each.name].readers;
    if (readers.empty() || readers.back() != position) readers.push_back(position);
    if (each.window_ms == 0) continue;
    auto& timed = body_->aggregates[each.index].timed;
    if (timed.empty() || timed.back() != position) timed.push_back(position);
  }
  bool reads_all = false;
  bool reads_ids = false;
  bool reads_consent = of.is_gated;
  std::vector<std::string> keys;
  for (const auto& path : cel::variable_paths(of.tree)) {
    reads_ids = reads_ids || path.front() == "ids";
    reads_consent = reads_consent || path.front() == "consent";
    if (path.front() != "traits") continue;
    if (path.size() == 1) reads_all = true;
    else keys.push_back(path[1]);
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  if (reads_ids) body_->id_readers.push_back(position);
  if (reads_consent) body_->consent_readers.push_back(position);
  if (reads_all) body_->all_trait_readers.push_back(position);
  for (const auto& each : keys) body_->trait_readers[each].push_back(position);
}

std::shared_ptr<const catalog::body> maker::make() {
  if (definitions_.size() > bounds::definitions) {
    problems_.push_back({definition_kind::segment, "", "over " + std::to_string(bounds::definitions) + " definitions"});
    return nullptr;
  }
  const auto count = definitions_.size();
  drafts_.resize(count);
  programs_.resize(count);
  needs_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    check_name(i);
    check_purpose(i);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (prepare(i)) resolve(i);
  }
  if (!order() || !problems_.empty()) return nullptr;
  sort_aggregates();
  place();
  body_->rules = rules_ != nullptr ? std::move(rules_) : std::make_shared<const privacy_rules>();
  body_->fingerprint = fingerprint_of(definitions_, *body_->rules);
  return body_;
}

}  // namespace kith::profile::segments
