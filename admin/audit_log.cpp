#include "admin/audit_log.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "admin/json.hpp"
#include "net/credentials.hpp"
#include "persistence/whole_file.hpp"
#include "profile/encoding.hpp"
#include "profile/event.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;
using persistence::open_mode;

constexpr const char* head_name = "head";
constexpr std::size_t hash_digits = 64;
constexpr std::int64_t retry_ms = 1000;

std::string hash_of(std::string_view text) {
  std::string made;
  for (const auto byte : net::digest_of(text)) {
    constexpr std::string_view digits = "0123456789abcdef";
    made.push_back(digits[byte >> 4]);
    made.push_back(digits[byte & 15]);
  }
  return made;
}

std::string name_of_file(std::uint64_t number) {
  std::array<char, 48> name{};
  std::snprintf(name.data(), name.size(), "audit-%06llu.log", static_cast<unsigned long long>(number));
  return name.data();
}

std::uint64_t number_of_file(std::string_view name) {
  constexpr std::string_view before = "audit-";
  constexpr std::string_view after = ".log";
  if (!name.starts_with(before) || !name.ends_with(after)) return 0;
  name = name.substr(before.size(), name.size() - before.size() - after.size());
  if (name.empty() || name.size() > 12 || name.find_first_not_of("0123456789") != std::string_view::npos) return 0;
  return std::stoull(std::string(name));
}

/// The whole lines of a text, without their ends.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

}  // namespace

std::optional<audit_place> parse_audit_place(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon > 18) return std::nullopt;
  const auto number = text.substr(0, colon);
  const auto hash = text.substr(colon + 1);
  if (number.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  if (hash.size() != hash_digits || hash.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return std::nullopt;
  }
  return audit_place{std::stoull(std::string(number)), std::string(hash)};
}

std::string text_of(const audit_place& place) { return std::to_string(place.sequence) + ":" + place.hash; }

std::optional<audit_line> parse_audit_line(std::string_view line) {
  if (line.size() < hash_digits + 2 || line[hash_digits] != ' ') return std::nullopt;
  const auto text = line.substr(hash_digits + 1);
  audit_line made;
  made.record = json::parse(text, nullptr, false);
  if (!made.record.is_object()) return std::nullopt;
  const auto sequence = made.record.find("sequence");
  const auto prev = made.record.find("prev");
  if (sequence == made.record.end() || !sequence->is_number_unsigned()) return std::nullopt;
  if (prev == made.record.end() || !prev->is_string()) return std::nullopt;
  made.place = {sequence->get<std::uint64_t>(), std::string(line.substr(0, hash_digits))};
  made.prev = prev->get<std::string>();
  made.is_true = hash_of(text) == made.place.hash;
  return made;
}

audit_log::audit_log(persistence::file_system& files, std::string directory, audit_options options)
    : files_(files), directory_(std::move(directory)), options_(std::move(options)) {}

audit_log::~audit_log() {
  if (auto kept = keep_head(); !kept) tell("error", kept.error().message);
}

void audit_log::tell(std::string_view level, const std::string& message) const {
  if (options_.log) options_.log(level, "audit log: " + message);
}

result<std::unique_ptr<audit_log>> audit_log::open(persistence::file_system& files, std::string directory,
                                                   audit_options options) {
  std::unique_ptr<audit_log> made(new audit_log(files, std::move(directory), std::move(options)));
  if (auto good = files.make_directory(made->directory_); !good) return tl::make_unexpected(good.error());
  if (auto good = made->find_files(); !good) return tl::make_unexpected(good.error());
  std::optional<audit_place> head = audit_place();
  const auto kept = persistence::read_file(files, made->path_of(head_name));
  if (kept) {
    head = parse_audit_place(std::string_view(*kept).substr(0, kept->find('\n')));
  } else if (kept.error().code != errc::not_found) {
    return tl::make_unexpected(kept.error());
  }
  const auto cut = made->read_end(head);
  if (!cut) return tl::make_unexpected(cut.error());
  const auto damage = made->find_damage(head);
  if (!damage) return tl::make_unexpected(damage.error());
  const auto note = [&](const json& what) -> result<void> {
    const auto noted = made->append(what);
    if (!noted) return tl::make_unexpected(noted.error());
    return {};
  };
  if (*damage) {
    made->counts_.damaged = true;
    made->tell("error", **damage + "; run `kith audit verify` and find out who had access to its files");
    if (auto noted = note({{"method", "START"}, {"route", "damage"}, {"damage", **damage}}); !noted) {
      return tl::make_unexpected(noted.error());
    }
  }
  if (*cut > 0) {
    made->tell("warning", "cut off " + std::to_string(*cut) + " bytes of a record that was not on the disk yet");
    if (auto noted = note({{"method", "START"}, {"route", "cut"}, {"bytes", *cut}}); !noted) {
      return tl::make_unexpected(noted.error());
    }
  }
  return made;
}

result<void> audit_log::find_files() {
  const auto names = files_.list(directory_);
  if (!names) return tl::make_unexpected(names.error());
  std::vector<std::pair<std::uint64_t, std::string>> found;
  for (const auto& name : *names) {
    if (const auto number = number_of_file(name); number != 0) found.emplace_back(number, name);
  }
  std::sort(found.begin(), found.end());
  for (const auto& [number, name] : found) {
    auto file = files_.open(path_of(name), open_mode::read);
    if (!file) return tl::make_unexpected(file.error());
    std::string start;
    if (auto read = (*file)->read_at(0, record_bytes + hash_digits + 2, start); !read) return read;
    const auto first = parse_audit_line(std::string_view(start).substr(0, start.find('\n')));
    // A file without a whole record has nothing to list.
    parts_.push_back({name, first ? first->place.sequence : 0});
  }
  return {};
}

/// Finds the last record. What stands behind it is no record: if `head` knows of none there, a crash left it, and it is
/// cut off. So is what a loss of power left of records that were to be fsynced soon, behind the first that is not
/// whole. Says how many bytes were.
result<std::uint64_t> audit_log::read_end(const std::optional<audit_place>& head) {
  if (parts_.empty()) return 0;
  std::uint64_t size = 0;        // of the last file,
  std::uint64_t whole_ones = 0;  // of its lines,
  std::uint64_t true_ones = 0;   // and of those up to the last that is a record
  for (auto at = parts_.rbegin(); at != parts_.rend() && durable_.sequence == 0; ++at) {
    const auto text = persistence::read_file(files_, path_of(at->name));
    if (!text) return tl::make_unexpected(text.error());
    std::uint64_t behind = 0;
    std::uint64_t end = 0;
    std::uint64_t broken = 0;  // lines behind the last record so far
    for (const auto line : lines_of(*text)) {
      behind += line.size() + 1;
      const auto parsed = parse_audit_line(line);
      if (!parsed || !parsed->is_true) {
        ++broken;
        continue;
      }
      const auto number = parsed->place.sequence;
      const auto missing = durable_.sequence > 0 ? durable_.sequence + 1 : number - std::min(broken, number);
      if (broken > 0 && head && missing > head->sequence) break;
      broken = 0;
      durable_ = written_ = last_ = parsed->place;
      end = behind;
    }
    if (at == parts_.rbegin()) size = text->size(), whole_ones = behind, true_ones = end;
  }
  auto file = files_.open(path_of(parts_.back().name), open_mode::append);
  if (!file) return tl::make_unexpected(file.error());
  // Half a line is never a record, whatever `head` says.
  file_size_ = head && head->sequence <= durable_.sequence ? true_ones : whole_ones;
  if (file_size_ < size) {
    if (auto done = (*file)->truncate(file_size_); !done) return tl::make_unexpected(done.error());
    if (auto synced = (*file)->sync(); !synced) return tl::make_unexpected(synced.error());
  }
  file_ = std::move(*file);
  return size - file_size_;
}

/// What is wrong with the last file and the end, as far as a start looks; nothing: nothing is.
result<std::optional<std::string>> audit_log::find_damage(const std::optional<audit_place>& head) const {
  if (!head) return std::string("the file `head` is damaged");
  if (head->sequence > durable_.sequence) {
    return "its records " + std::to_string(durable_.sequence + 1) + " to " + std::to_string(head->sequence) +
           " are missing: the last one was " + text_of(*head);
  }
  if (parts_.empty()) return std::nullopt;
  const auto text = persistence::read_file(files_, path_of(parts_.back().name));
  if (!text) return tl::make_unexpected(text.error());
  std::optional<audit_place> before;
  for (const auto line : lines_of(*text)) {
    const auto parsed = parse_audit_line(line);
    if (!parsed || !parsed->is_true) return "a record of " + parts_.back().name + " was changed";
    if (before && (parsed->place.sequence != before->sequence + 1 || parsed->prev != before->hash)) {
      return "the chain is broken in " + parts_.back().name + " at record " + std::to_string(parsed->place.sequence);
    }
    if (head->sequence == parsed->place.sequence && head->hash != parsed->place.hash) {
      return "record " + std::to_string(head->sequence) + " is another one than the file `head` names";
    }
    before = parsed->place;
  }
  return std::nullopt;
}

result<void> audit_log::begin_file() {
  std::uint64_t number = 1;
  {
    const std::lock_guard lock(mutex_);
    if (!parts_.empty()) number = number_of_file(parts_.back().name) + 1;
  }
  const auto name = name_of_file(number);
  // Of a try that failed; nothing was written to it.
  if (const auto left_over = files_.exists(path_of(name)); left_over && *left_over) {
    if (auto removed = files_.remove(path_of(name)); !removed) return removed;
  }
  auto file = files_.open(path_of(name), open_mode::create);
  if (!file) return tl::make_unexpected(file.error());
  if (auto synced = files_.sync_directory(directory_); !synced) return synced;
  file_ = std::move(*file);
  file_size_ = unsynced_bytes_ = 0;
  const std::lock_guard lock(mutex_);
  parts_.push_back({name, 0});
  return {};
}

/// After a failure: what may or may not be on the disk behind the last durable record is cut off.
result<void> audit_log::mend() {
  std::string name;
  {
    const std::lock_guard lock(mutex_);
    if (parts_.empty()) return {};
    name = parts_.back().name;
  }
  file_.reset();
  auto file = files_.open(path_of(name), open_mode::append);
  if (!file) return tl::make_unexpected(file.error());
  if (auto cut = (*file)->truncate(file_size_); !cut) return cut;
  return begin_file();  // the old one's pages are not trusted any more
}

/// `again`: the last write failed. `sync`: all that was written is durable then.
result<void> audit_log::write(const std::string& lines, std::uint64_t first, bool again, bool sync) {
  if (again) {
    if (auto mended = mend(); !mended) return mended;
  }
  if (!file_ || (file_size_ >= options_.file_bytes && unsynced_bytes_ == 0)) {
    if (auto begun = begin_file(); !begun) return begun;
  }
  if (!lines.empty()) {
    const std::array<std::string_view, 1> pieces{lines};
    if (auto written = file_->append(pieces); !written) return written;
    unsynced_bytes_ += lines.size();
  }
  if (sync) {
    if (auto synced = file_->sync(); !synced) return synced;
    file_size_ += std::exchange(unsynced_bytes_, 0);
  }
  const std::lock_guard lock(mutex_);
  if (parts_.back().first == 0) parts_.back().first = first;
  return {};
}

result<void> audit_log::usable() const {
  const std::lock_guard lock(mutex_);
  if (!why_failed_ || options_.now_ms() - failed_ms_ >= retry_ms) return {};
  return tl::make_unexpected(*why_failed_);
}

/// Nobody else is writing. What failed is told to those who wait, and none of theirs is there.
result<void> audit_log::write_waiting(std::unique_lock<std::mutex>& lock) {
  writing_ = true;
  const bool again = why_failed_.has_value();
  // A full file ends durable, so that what is unsynced is in one file.
  const bool sync = std::exchange(waits_sync_, false) || again || file_size_ + unsynced_bytes_ >= options_.file_bytes;
  const auto lines = std::exchange(waiting_, {});
  const auto up_to = last_;
  const auto first = (again ? durable_ : written_).sequence + 1;
  const auto text = again ? unsynced_ + lines : lines;
  lock.unlock();
  auto done = write(text, first, again, sync);
  lock.lock();
  writing_ = false;
  if (done) {
    counts_.records += up_to.sequence - written_.sequence;
    written_ = up_to;
    if (sync) durable_ = up_to;
    unsynced_ = sync ? std::string() : std::move(unsynced_) + lines;
    why_failed_.reset();
  } else {
    why_failed_ = done.error();
    failed_ms_ = options_.now_ms();
    ++counts_.failures;
    ++batch_;
    last_ = written_;
    waiting_.clear();
    waits_sync_ = false;
  }
  counts_.failed = !done;
  progress_.notify_all();
  return done;
}

/// Whoever finds nobody writing writes what waits, its own record too; the others wait for that.
result<audit_place> audit_log::append(json record, fsynced when) {
  if (auto good = usable(); !good) return tl::make_unexpected(good.error());
  std::unique_lock lock(mutex_);
  record["sequence"] = last_.sequence + 1;
  record["prev"] = last_.hash;
  record["time"] = profile::format_time(options_.now_ms());
  const auto text = dump(record);
  if (text.size() > record_bytes) {
    return fail(errc::too_large, "audit log: a record of " + std::to_string(text.size()) + " bytes is too large");
  }
  const audit_place mine{last_.sequence + 1, hash_of(text)};
  last_ = mine;
  waiting_ += mine.hash + ' ' + text + '\n';
  waits_sync_ = waits_sync_ || when == fsynced::now;
  const auto batch = batch_;
  const auto& reached = when == fsynced::now ? durable_ : written_;
  progress_.wait(lock, [&] { return !writing_ || reached.sequence >= mine.sequence || batch_ != batch; });
  if (batch_ != batch) return tl::make_unexpected(*why_failed_);
  if (reached.sequence >= mine.sequence) return mine;
  const auto done = write_waiting(lock);
  lock.unlock();
  if (done) return mine;
  tell("error", "cannot be written, and what must be recorded is refused: " + done.error().message);
  return tl::make_unexpected(done.error());
}

audit_place audit_log::head() const {
  const std::lock_guard lock(mutex_);
  return durable_;
}

audit_counts audit_log::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

result<void> audit_log::keep_head() {
  const std::lock_guard one_at_a_time(keeping_head_);
  audit_place now;
  {
    std::unique_lock lock(mutex_);
    progress_.wait(lock, [&] { return !writing_; });
    const bool tries = !why_failed_ || options_.now_ms() - failed_ms_ >= retry_ms;
    if (durable_ != written_ && tries) {
      waits_sync_ = true;
      if (auto written = write_waiting(lock); !written) return written;
    }
    if (durable_ == kept_head_ || durable_.sequence == 0) return {};
    now = durable_;
  }
  if (auto kept = persistence::replace_file(files_, directory_, head_name, text_of(now) + "\n"); !kept) return kept;
  const std::lock_guard lock(mutex_);
  kept_head_ = now;
  return {};
}

result<audit_page> audit_log::list(const audit_query& query) const {
  std::vector<part> parts;
  audit_place end;
  {
    const std::lock_guard lock(mutex_);
    std::copy_if(parts_.begin(), parts_.end(), std::back_inserter(parts),
                 [](const part& one) { return one.first != 0; });
    end = written_;
  }
  if (query.newest_first) std::reverse(parts.begin(), parts.end());
  audit_page page;
  std::size_t read = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    // Sorted by time: the records of one file lie before those of the file behind it.
    const auto next_first = query.newest_first ? (i == 0 ? end.sequence + 1 : parts[i - 1].first)
                                               : (i + 1 == parts.size() ? end.sequence + 1 : parts[i + 1].first);
    const bool is_done =
        query.behind != 0 && (query.newest_first ? parts[i].first >= query.behind : next_first <= query.behind + 1);
    if (is_done) continue;
    if (read++ == files_a_page) {
      page.next = query.newest_first ? next_first : parts[i].first - 1;
      return page;
    }
    const auto text = persistence::read_file(files_, path_of(parts[i].name));
    if (!text) return tl::make_unexpected(text.error());
    auto lines = lines_of(*text);
    if (query.newest_first) std::reverse(lines.begin(), lines.end());
    for (const auto line : lines) {
      auto parsed = parse_audit_line(line);
      if (!parsed || parsed->place.sequence > end.sequence) continue;
      const auto sequence = parsed->place.sequence;
      if (query.behind != 0 && (query.newest_first ? sequence >= query.behind : sequence <= query.behind)) continue;
      if (query.wanted && !query.wanted(parsed->record)) continue;
      if (page.records.size() == query.limit) {
        page.next = page.records.back()["sequence"].get<std::uint64_t>();
        return page;
      }
      parsed->record["hash"] = parsed->place.hash;
      page.records.push_back(std::move(parsed->record));
    }
  }
  return page;
}

}  // namespace kith::admin
