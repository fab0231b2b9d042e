// kith privacy: what is kept of people, erasing them, who may not come back, and checking receipts.
#include <cstdio>
#include <fstream>
#include <iterator>

#include "admin/api_kind.hpp"
#include "admin/receipts.hpp"
#include "cli/privacy_requests.hpp"
#include "cli/verbs.hpp"

namespace kith::cli {

namespace {

using nlohmann::json;

struct privacy_flags : verb_flags {
  std::string id;
  std::string reason;
  std::string receipt;
  std::string keys;
  std::string save;
  std::string out;
};

result<std::string> read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(errc::not_found, path + ": cannot be read");
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

std::string url_of(const std::string& text) {
  const auto id = parse_identifier(text);
  return "/v1/profiles/" + net::percent_encoded(admin::kind_of(id)) + "/" + net::percent_encoded(id.value);
}

int export_person(const privacy_flags& flags) {
  return with_admin("privacy", flags.server,
                    [&](admin_client& admin) { return save_document(admin, url_of(flags.id) + "/export", flags.out); });
}

int erase(const privacy_flags& flags) {
  return with_admin("privacy", flags.server, [&](admin_client& admin) {
    const auto done = admin.ask("DELETE", url_of(flags.id) + "?reason=" + net::percent_encoded(flags.reason));
    if (!done) return report("privacy", done.error());
    const auto receipt = done->at("receipt").get<std::string>();
    if (!flags.save.empty()) {
      std::ofstream out(flags.save, std::ios::binary);
      out << receipt << '\n' << std::flush;
      if (!out) {
        return report("privacy", {errc::unavailable, flags.save +
                                                         ": cannot be written; it was erased, and this is the "
                                                         "receipt: " +
                                                         receipt});
      }
    }
    const auto& gone_by = done->at("goneBy");
    return flags.print(
        *done, "erased; its bytes are gone from the disk by " +
                   (gone_by.is_null() ? std::string("now: it had been erased before") : gone_by.get<std::string>()) +
                   "\n" + (flags.save.empty() ? receipt + "\n" : ""));
  });
}

int verify(const privacy_flags& flags) {
  auto receipt = read_text(flags.receipt);
  if (!receipt) {
    report("privacy", receipt.error());
    return exit_no_input;
  }
  const auto check = [&](const json& keys) {
    const auto told = admin::verify_receipt(*receipt, keys);
    if (!told) return report("privacy", told.error());
    return flags.print(*told, "genuine\n" + told->dump(2, ' ', false, json::error_handler_t::replace) + "\n");
  };
  if (!flags.keys.empty()) {
    const auto text = read_text(flags.keys);
    if (!text) {
      report("privacy", text.error());
      return exit_no_input;
    }
    return check(json::parse(*text, nullptr, false));
  }
  return with_admin("privacy", flags.server, [&](admin_client& admin) {
    const auto keys = admin.ask("GET", "/v1/privacy/keys");
    if (!keys) return report("privacy", keys.error());
    return check(*keys);
  });
}

int keys(const privacy_flags& flags) {
  return with_admin("privacy", flags.server, [&](admin_client& admin) {
    const auto found = admin.ask("GET", "/v1/privacy/keys");
    if (!found) return report("privacy", found.error());
    return flags.print(*found, admin::dump(*found) + "\n");
  });
}

result<json> look_up(admin_client& admin, const std::string& text) {
  const auto id = parse_identifier(text);
  return admin.ask("POST", "/v1/privacy/suppressions:lookup", {{"kind", admin::kind_of(id)}, {"id", id.value}});
}

int suppressed(const privacy_flags& flags) {
  return with_admin("privacy", flags.server, [&](admin_client& admin) {
    const auto found = look_up(admin, flags.id);
    if (!found) return report("privacy", found.error());
    const bool is = found->at("suppressed").get<bool>();
    flags.print(*found, is ? "suppressed since " + found->at("since").get<std::string>() + "\n" : "not suppressed\n");
    return static_cast<int>(is ? exit_ok : exit_not_found);
  });
}

int lift(const privacy_flags& flags) {
  return with_admin("privacy", flags.server, [&](admin_client& admin) {
    const auto found = look_up(admin, flags.id);
    if (!found) return report("privacy", found.error());
    const auto done = admin.ask("DELETE", "/v1/privacy/suppressions/" + found->at("hash").get<std::string>());
    if (!done) return report("privacy", done.error());
    return flags.print(*done, "lifted: events that name it are taken in again\n");
  });
}

void takes_id(CLI::App& app, privacy_flags& flags) {
  app.add_option("ID", flags.id, "whose, as for `kith get`")->required();
}

constexpr verb<privacy_flags> verbs[] = {
    {"export", "print all that is kept of a person, as one JSON document", export_person,
     [](CLI::App& app, privacy_flags& flags) {
       takes_id(app, flags);
       app.add_option("--out", flags.out, "to this file, which nobody else may read (default: print it)");
     }},
    {"erase", "erase a profile, all of its identifiers, and keep it from coming back", erase,
     [](CLI::App& app, privacy_flags& flags) {
       takes_id(app, flags);
       app.add_option("--reason", flags.reason, "why; goes into the receipt and the audit log")->required();
       app.add_option("--save", flags.save, "write the receipt to this file");
     }},
    {"verify", "check the signature of a receipt, and show what it says", verify,
     [](CLI::App& app, privacy_flags& flags) {
       app.add_option("RECEIPT", flags.receipt, "a file")->required();
       app.add_option("--keys", flags.keys,
                      "a file with the JWK set of `kith privacy keys`; without it the server is asked");
     }},
    {"keys", "print the public key of receipts, a JWK set", keys, [](CLI::App&, privacy_flags&) {}},
    {"suppressed", "is an identifier kept from coming back? Exit code 1: no", suppressed, takes_id},
    {"lift", "let an erased identifier come back", lift, takes_id},
};

}  // namespace

command_body add_privacy(CLI::App& app) {
  app.footer(
      "Needs the role privacy or admin. Exit codes: 1 no such profile, 65 a receipt that is not genuine, 66 no such\n"
      "file, 69 server not reached, 77 no permission.");
  const auto shared = add_shared_flags(app);
  auto others = add_verbs<privacy_flags>(app, verbs, shared);
  auto* requests =
      app.add_subcommand("requests", "what people asked for: enter it, carry it out, see what is due")->fallthrough();
  auto of_requests = add_privacy_requests(*requests, shared);
  return [requests, others = std::move(others), of_requests = std::move(of_requests)] {
    return requests->parsed() ? of_requests() : others();
  };
}

}  // namespace kith::cli
