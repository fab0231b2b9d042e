#include <algorithm>
#include <cstdio>

#include "cli/command.hpp"
#include "cli/exit_codes.hpp"

namespace kith::cli {

namespace {

std::vector<const CLI::App*> commands_in(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

/// An option that several of a command's own commands have is named once.
void add_options_of(const CLI::App& app, std::vector<std::string>& words) {
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) {
      if (std::find(words.begin(), words.end(), "--" + name) == words.end()) words.push_back("--" + name);
    }
  }
}

/// Commands with what may follow them, their own commands and long options, read from the parser itself.
std::vector<std::pair<std::string, std::string>> words_of(const CLI::App& root) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto* sub : commands_in(root)) {
    std::vector<std::string> words;
    for (const auto* nested : commands_in(*sub)) words.push_back(nested->get_name());
    add_options_of(*sub, words);
    for (const auto* nested : commands_in(*sub)) add_options_of(*nested, words);
    std::string joined;
    for (const auto& word : words) joined += (joined.empty() ? "" : " ") + word;
    all.emplace_back(sub->get_name(), joined);
  }
  return all;
}

int print_script(const std::string& shell, const CLI::App& root) {
  std::string commands;
  std::string cases;
  std::string fish;
  for (const auto& [name, options] : words_of(root)) {
    commands += (commands.empty() ? "" : " ") + name;
    cases.append("    ").append(name).append(") words=\"").append(options).append("\" ;;\n");
    fish.append("complete -c kith -n '__fish_seen_subcommand_from ").append(name);
    fish.append("' -a '").append(options).append("'\n");
  }
  const std::string body = "  local words=\"" + commands + "\"\n  case \"${COMP_WORDS[1]}\" in\n" + cases +
                           "  esac\n  [ \"$COMP_CWORD\" -eq 1 ] && words=\"" + commands +
                           "\"\n  COMPREPLY=($(compgen -o default -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n";
  if (shell == "fish") {
    std::printf("complete -c kith -n __fish_use_subcommand -a '%s'\n%s", commands.c_str(), fish.c_str());
  } else {
    if (shell == "zsh") std::puts("autoload -U +X bashcompinit && bashcompinit");
    std::printf("_kith() {\n%s}\ncomplete -F _kith kith\n", body.c_str());
  }
  return exit_ok;
}

}  // namespace

command_body add_completion(CLI::App& app) {
  auto shell = std::make_shared<std::string>("bash");
  app.add_option("SHELL", *shell, "bash, zsh or fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->capture_default_str();
  app.footer("For bash: source <(kith completion bash)");
  return [shell, root = app.get_parent()] { return print_script(*shell, *root); };
}

}  // namespace kith::cli
