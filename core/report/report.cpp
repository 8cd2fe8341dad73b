// Sections of report.html.
#include "core/report/report.h"

#include "core/report/plot.h"

namespace octet {
namespace {

constexpr char kStyle[] = R"css(
:root { color-scheme: light dark; --ink: #101828; --soft: #667085;
  --line: #e4e7ec; --card: #ffffff; --page: #f5f6f8; --accent: #2156b5;
  --good: #067647; --bad: #b42318; }
@media (prefers-color-scheme: dark) { :root { --ink: #f2f4f7;
  --soft: #98a2b3; --line: #344054; --card: #1b212c; --page: #12161d;
  --accent: #84adff; --good: #47cd89; --bad: #f97066; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 860px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 26px; margin: 0; } h2 { font-size: 17px; margin: 0 0 12px; }
header { margin-bottom: 20px; }
.outcome { font-weight: 600; color: var(--good); }
.outcome.bad { color: var(--bad); }
section { background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; padding: 18px 20px; margin-bottom: 16px; }
.figures { display: grid; gap: 12px;
  grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); }
.figures div { background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; padding: 12px 14px; }
.figures b { display: block; font-size: 20px; color: var(--accent); }
.figures span, .soft { color: var(--soft); font-size: 13px; }
.figures { margin-bottom: 16px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
td { border-top: 1px solid var(--line); padding: 6px 8px 6px 0;
  vertical-align: top; overflow-wrap: anywhere; }
tr:first-child td { border-top: 0; }
th { text-align: left; color: var(--soft); font-weight: 600;
  padding: 6px 8px 6px 0; }
table.wide { font-size: 12.5px; }
td:first-child { color: var(--soft); width: 34%; }
pre { margin: 0; overflow-x: auto; font: 12.5px/1.45 ui-monospace,
  SFMono-Regular, Menlo, monospace; white-space: pre; }
pre.wrap { white-space: pre-wrap; overflow-wrap: anywhere; }
svg { max-width: 100%; height: auto; border-radius: 6px; }
details summary { cursor: pointer; font-weight: 600; }
li { margin: 2px 0; }
)css";

std::string table(const Rows& rows) {
  std::string out = "<table>\n";
  for (const auto& [name, value] : rows) {
    out += "<tr><td>" + escape_markup(name) + "</td><td>" +
        escape_markup(value) + "</td></tr>\n";
  }
  return out + "</table>\n";
}

std::string section(const std::string& title, const std::string& body) {
  return "<section><h2>" + escape_markup(title) + "</h2>\n" + body +
      "</section>\n";
}

std::string folded(const std::string& title, const std::string& body) {
  return "<section><details><summary>" + escape_markup(title) + "</summary>\n" +
      body + "</details></section>\n";
}

std::string preformatted(const std::string& text, bool wrap) {
  return std::string(wrap ? "<pre class=\"wrap\">" : "<pre>") +
      escape_markup(text) + "</pre>\n";
}

std::string highlights(const Rows& rows) {
  std::string out = "<div class=\"figures\">\n";
  for (const auto& [name, value] : rows) {
    out += "<div><span>" + escape_markup(name) + "</span><b>" +
        escape_markup(value) + "</b></div>\n";
  }
  return out + "</div>\n";
}

std::string answers(const std::vector<AnsweredPrompt>& prompts) {
  std::string out;
  for (const AnsweredPrompt& prompt : prompts) {
    out += "<p><b>" + escape_markup(prompt.prompt) + "</b></p>\n";
    out += table({{"before", prompt.before}, {"after", prompt.after}});
  }
  return out;
}

std::string warning_list(const std::vector<std::string>& warnings) {
  std::string out = "<ul>\n";
  for (const std::string& warning : warnings) {
    out += "<li>" + escape_markup(warning) + "</li>\n";
  }
  return out + "</ul>\n";
}

} // namespace

std::string render_report(const RunReport& report) {
  const std::string name = escape_markup(report.name);
  std::string out =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n"
      "<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">\n<title>" +
      name + " - Octet run report</title>\n<style>" + kStyle +
      "</style>\n</head>\n<body>\n<main>\n";
  out += "<header><h1>" + name + "</h1>\n<span class=\"outcome" +
      (report.success ? "" : " bad") + "\">" + escape_markup(report.outcome) +
      "</span></header>\n";
  out += highlights(report.highlights);
  out += section("Loss", loss_plot(report.history, report.name));
  if (!report.resolution.empty()) {
    out += section(
        "What was asked, and what ran", preformatted(report.resolution, false));
  }
  if (!report.warnings.empty()) {
    out += section("Warnings", warning_list(report.warnings));
  }
  if (!report.watched.empty()) {
    out += section(
        "Low-precision casts",
        watch_report(report.watched, report.watch_limits));
  }
  if (!report.results.empty()) {
    out += section("Results", table(report.results));
  }
  if (!report.answers.empty()) {
    out += section("Answers", answers(report.answers));
  }
  if (!report.next_command.empty()) {
    out += section("Try it", preformatted(report.next_command, true));
  }
  if (!report.first_example.empty()) {
    out += folded(
        "First training example", preformatted(report.first_example, true));
  }
  out += folded("Configuration", table(report.config));
  out += section("Machine", table(report.environment));
  if (!report.files.empty()) {
    out += section("Files", table(report.files));
  }
  return out + "</main>\n</body>\n</html>\n";
}

} // namespace octet
