#include "admin/audit_check.hpp"

#include <algorithm>

#include "persistence/whole_file.hpp"

namespace kith::admin {

namespace {

class checker {
 public:
  checker(persistence::file_system& files, std::string directory, const audit_check_options& options)
      : files_(files), directory_(std::move(directory)) {
    if (options.after) expected_ = *options.after;
    known_ = options.known;
  }

  result<audit_report> run();

 private:
  void find(std::string where, std::string what) {
    if (report_.findings.size() < audit_report::most_findings) {
      report_.findings.push_back({std::move(where), std::move(what)});
    } else {
      ++report_.more_findings;
    }
  }
  result<void> read_head();
  void look_at(const std::string& name, std::string_view text, bool is_last);
  void look_at_line(const std::string& where, std::string_view line);
  void look_at_order(const std::string& where, const audit_line& line);

  persistence::file_system& files_;
  const std::string directory_;
  audit_place expected_;  ///< the record before the next one
  std::vector<audit_place> known_;
  audit_report report_;
};

result<void> checker::read_head() {
  const auto path = directory_ + "/head";
  const auto text = persistence::read_file(files_, path);
  if (!text && text.error().code == errc::not_found) return {};
  if (!text) return tl::make_unexpected(text.error());
  const auto head = parse_audit_place(std::string_view(*text).substr(0, text->find('\n')));
  if (!head) {
    find(path, "is damaged: it does not name the last record");
  } else {
    known_.push_back(*head);
  }
  return {};
}

void checker::look_at_order(const std::string& where, const audit_line& line) {
  const auto number = line.place.sequence;
  const auto next = expected_.sequence + 1;
  if (number > next) {
    find(where, number == next + 1 ? "record " + std::to_string(next) + " is missing before it"
                                   : "records " + std::to_string(next) + " to " + std::to_string(number - 1) +
                                         " are missing before it");
  } else if (number < next) {
    find(where, "record " + std::to_string(number) + " stands where " + std::to_string(next) +
                    " belongs: it was moved or repeated");
  } else if (line.prev != expected_.hash) {
    find(where, "does not name the record before it: that one was exchanged");
  }
}

void checker::look_at_line(const std::string& where, std::string_view line) {
  const auto parsed = parse_audit_line(line);
  if (!parsed) {
    // Its place in the chain counts, so that the next record is judged by itself.
    find(where, "is no record any more");
    ++expected_.sequence;
    return;
  }
  ++report_.records;
  if (!parsed->is_true) find(where, "was changed: its hash is not that of what it says");
  look_at_order(where, *parsed);
  if (parsed->record.value("route", "") == "damage") {
    find(where, "the server found damage when it started: " + parsed->record.value("damage", std::string()));
  }
  for (const auto& each : known_) {
    if (each.sequence == parsed->place.sequence && each.hash != parsed->place.hash) {
      find(where, "record " + std::to_string(each.sequence) + " is not the one that was noted: " + text_of(each));
    }
  }
  if (report_.first.sequence == 0) report_.first = parsed->place;
  expected_ = report_.last = parsed->place;
}

void checker::look_at(const std::string& name, std::string_view text, bool is_last) {
  const auto path = directory_ + "/" + name;
  std::uint64_t number = 0;
  for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    look_at_line(path + ":" + std::to_string(++number), text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  if (text.empty()) return;
  if (is_last) {
    report_.unfinished_bytes = text.size();
  } else {
    find(path + ":" + std::to_string(number + 1), "ends within a record");
  }
}

result<audit_report> checker::run() {
  const auto all = files_.list(directory_);
  if (!all) return tl::make_unexpected(all.error());
  std::vector<std::string> names;
  std::copy_if(all->begin(), all->end(), std::back_inserter(names),
               [](const auto& name) { return name.starts_with("audit-") && name.ends_with(".log"); });
  // Numbers of more digits come later.
  std::sort(names.begin(), names.end(),
            [](const auto& a, const auto& b) { return a.size() != b.size() ? a.size() < b.size() : a < b; });
  if (auto read = read_head(); !read) return tl::make_unexpected(read.error());
  if (names.empty() && known_.empty()) return fail(errc::not_found, directory_ + ": there is no audit log");
  for (const auto& name : names) {
    const auto text = persistence::read_file(files_, directory_ + "/" + name);
    if (!text) return tl::make_unexpected(text.error());
    ++report_.files;
    look_at(name, *text, name == names.back());
  }
  for (const auto& each : known_) {
    if (each.sequence <= report_.last.sequence) continue;
    find(directory_, "the end is cut off: record " + text_of(each) + " was there, the last one now is " +
                         std::to_string(report_.last.sequence));
  }
  return std::move(report_);
}

}  // namespace

result<audit_report> check_audit_log(persistence::file_system& files, const std::string& directory,
                                     const audit_check_options& options) {
  return checker(files, directory, options).run();
}

}  // namespace kith::admin
