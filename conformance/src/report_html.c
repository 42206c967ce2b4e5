// SPDX-License-Identifier: Apache-2.0
//
// report_html: a finished run as one page: a table of operators against dtypes, a symbol and a
// colour in each place, the reasons a click away. Nothing is loaded from elsewhere, and without
// scripts only the filter is missing. The page is well-formed XML too, so that machines can read
// it. Invariant: every text that is not a literal of this file goes through escape().

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kit.h"

// ---- text --------------------------------------------------------------------------------------

// How many bytes of |at| are one UTF-8 character that a page may hold; 0 where they are none.
static int character_length(const unsigned char *at) {
  if (*at < 0x80) return *at >= 0x20 && *at != 0x7F;
  int length = *at >= 0xF0 ? 4 : *at >= 0xE0 ? 3 : 2;
  if (*at < 0xC2 || *at > 0xF4) return 0;
  for (int i = 1; i < length; i++) {
    if ((at[i] & 0xC0) != 0x80) return 0;
  }
  // Longer than need be, half of a surrogate pair, past the last one, or no character.
  if ((at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xED && at[1] > 0x9F) ||
      (at[0] == 0xF0 && at[1] < 0x90) || (at[0] == 0xF4 && at[1] > 0x8F) ||
      (at[0] == 0xEF && at[1] == 0xBF && at[2] > 0xBD)) {
    return 0;
  }
  return length;
}

static void escape(FILE *file, const char *text) {
  const unsigned char *at = (const unsigned char *)text;
  while (*at != '\0') {
    const char *entity = *at == '&'    ? "&amp;"
                         : *at == '<'  ? "&lt;"
                         : *at == '>'  ? "&gt;"
                         : *at == '"'  ? "&quot;"
                         : *at == '\'' ? "&#39;"
                                       : NULL;
    int length = character_length(at);
    if (entity != NULL) {
      fputs(entity, file);
    } else if (length == 0) {
      fputs("\xEF\xBF\xBD", file);  // "a character that cannot be shown"
    } else {
      fwrite(at, 1, (size_t)length, file);
    }
    at += length == 0 ? 1 : length;
  }
}

// ---- verdicts ----------------------------------------------------------------------------------

// What a place of the table shows. A letter is its class in the style and in the filter.
typedef struct sign {
  char letter;
  const char *symbol, *meaning;
} sign;

enum { PASSED, PARTIAL, FAILED, EXPECTED, UNSUPPORTED, REFUSED, SIGN_COUNT };
static const sign signs[SIGN_COUNT] = {
    {'p', "\xE2\x9C\x93", "passed"},  {'h', "\xE2\x97\x90", "passed, in part not served"},
    {'f', "\xE2\x9C\x97", "failed"},  {'x', "!", "failed as expected"},
    {'u', "\xC2\xB7", "unsupported"}, {'r', "\xE2\x88\x85", "refused, as it should be"},
};

static const sign *sign_of(const tn_conformance_row *row) {
  switch (row->verdict) {
    case TN_VERDICT_PASSED:
      return &signs[row->skipped > 0 ? PARTIAL : PASSED];
    case TN_VERDICT_FAILED:
      return &signs[FAILED];
    case TN_VERDICT_EXPECTED:
      return &signs[EXPECTED];
    case TN_VERDICT_UNSUPPORTED:
      return &signs[UNSUPPORTED];
    default:
      return &signs[REFUSED];
  }
}

// ---- the head ----------------------------------------------------------------------------------

static const char style[] =
    ":root{color-scheme:light dark;--bg:#fbfaf8;--fg:#1d1c1a;--dim:#6f6b64;--line:#e2ded6;"
    "--card:#fff;--p:#d7ecd9;--pf:#1b5e2a;--h:#e9edc4;--hf:#55590f;--f:#c62f2f;--ff:#fff;"
    "--x:#fbe0b5;--xf:#7a4a00;--u:transparent;--uf:#a8a297;--r:#eeebe4;--rf:#8b867c}"
    "@media(prefers-color-scheme:dark){:root{--bg:#171614;--fg:#e9e6e0;--dim:#9a958b;"
    "--line:#34312c;--card:#201e1b;--p:#1d3a24;--pf:#9fdcab;--h:#3a3c16;--hf:#dfe29a;"
    "--f:#d8443f;--ff:#fff;--x:#4a3510;--xf:#f3c878;--u:transparent;--uf:#6a655c;--r:#282520;"
    "--rf:#7f7a70}}"
    "*{box-sizing:border-box}body{margin:0 "
    "auto;max-width:76rem;padding:1.5rem;background:var(--bg);"
    "color:var(--fg);font:15px/1.45 system-ui,sans-serif}"
    "h1{font-size:1.5rem;font-weight:600;margin:0 0 .2rem}h1 b{padding:.1em "
    ".5em;border-radius:.35em}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:1rem 0;"
    "font-size:.9rem}dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}"
    "code,td,.n{font-family:ui-monospace,monospace}"
    "ul.t{display:flex;flex-wrap:wrap;gap:.5rem;list-style:none;padding:0;margin:1rem 0}"
    "ul.t li{background:var(--card);border:1px solid var(--line);border-radius:.5rem;"
    "padding:.35rem .7rem;font-size:.9rem}ul.t i{display:inline-block;min-width:1.5em;"
    "text-align:center;font-style:normal;border-radius:.25rem;margin-right:.4em}"
    "form{display:flex;gap:.6rem;margin:1rem 0}input,select{font:inherit;padding:.3rem .5rem;"
    "color:inherit;background:var(--card);border:1px solid var(--line);border-radius:.4rem}"
    "input{flex:1;max-width:22rem}table{border-collapse:separate;border-spacing:2px;width:100%}"
    "thead th{position:sticky;top:0;background:var(--bg);font-weight:500;font-size:.72rem;"
    "padding:.3rem .1rem;z-index:1}tbody th{text-align:left;font-weight:400;padding:.1rem .4rem}"
    "tbody th[colspan]{padding-top:.9rem;color:var(--dim);font-size:.8rem;letter-spacing:.04em;"
    "text-transform:uppercase}td{text-align:center;min-width:2rem;border-radius:.25rem;"
    "padding:.1rem;--cell:1.6rem;height:1.6rem;vertical-align:top}summary{cursor:pointer}ol{margin:"
    ".3rem 0 .6rem;padding-left:0;list-style:none;"
    "font-size:.82rem;color:var(--dim)}ol b{color:var(--fg);font-weight:600}"
    "ol li{overflow-wrap:anywhere;padding-left:1.2rem;text-indent:-1.2rem}"
    "td[title]{cursor:default}[hidden]{display:none}";

static const char script[] =
    "const q=document.querySelector('#q'),v=document.querySelector('#v');"
    "const show=()=>{const t=q.value.toLowerCase();"
    "document.querySelectorAll('tbody').forEach(b=>{let n=0;"
    "b.querySelectorAll('tr[data-v]').forEach(r=>{"
    "r.hidden=[r.dataset.n.toLowerCase().includes(t),r.dataset.v.includes(v.value)].includes(false)"
    ";"
    "n+=r.hidden?0:1});b.hidden=n===0})};"
    "q.oninput=v.oninput=show;document.querySelector('form').hidden=false;"
    "document.querySelector('table').onclick=e=>{const d=e.target.matches('td')?"
    "e.target.parentNode.querySelector('details'):null;if(d)d.open=!d.open}";

static void print_style(FILE *file) {
  fputs("<style>", file);
  fputs(style, file);
  for (int i = 0; i < SIGN_COUNT; i++) {
    char c = signs[i].letter;
    fprintf(file,
            ".%c{background:linear-gradient(var(--%c),var(--%c))0 0/100%% var(--cell,100%%) "
            "no-repeat;color:var(--%cf)}",
            c, c, c, c);
  }
  fputs("</style>\n", file);
}

static void print_fact(FILE *file, const char *name, const char *value) {
  if (value[0] == '\0') return;
  fprintf(file, "<dt>%s</dt><dd>", name);
  escape(file, value);
  fputs("</dd>\n", file);
}

static void print_facts(const tn_conformance_report *report, FILE *file) {
  char text[96];
  fputs("<dl>\n", file);
  print_fact(file, "Device", report->device);
  print_fact(file, "Backend", report->backend);
  print_fact(file, "Tenon", report->version);
  print_fact(file, "Processor", report->processor);
  print_fact(file, "Date", report->date);
  snprintf(text, sizeof text, "%s tier, %" PRId64 " checks in %.1f s",
           report->full ? "full" : "quick", report->checks, report->elapsed_s);
  print_fact(file, "Run", text);
  if (report->command[0] != '\0') {
    fputs("<dt>Command</dt><dd><code>", file);
    escape(file, report->command);
    fputs("</code></dd>\n", file);
  }
  fputs("</dl>\n", file);
}

static void print_totals(const tn_conformance_report *report, FILE *file) {
  const int32_t totals[SIGN_COUNT] = {report->passed - report->partial,
                                      report->partial,
                                      report->failed,
                                      report->expected,
                                      report->unsupported,
                                      report->refused};
  fputs("<ul class=\"t\">\n", file);
  for (int i = 0; i < SIGN_COUNT; i++) {
    fprintf(file, "<li><i class=\"%c\">%s</i>%d %s</li>\n", signs[i].letter, signs[i].symbol,
            totals[i], signs[i].meaning);
  }
  fputs("</ul>\n", file);
}

static void print_filter(FILE *file) {
  fputs(
      "<form hidden=\"hidden\" onsubmit=\"return false\"><input id=\"q\" type=\"search\" "
      "placeholder=\"operator\" aria-label=\"operator\"/><select id=\"v\" aria-label=\"verdict\">"
      "<option value=\"\">every verdict</option>",
      file);
  for (int i = 0; i < SIGN_COUNT; i++) {
    fprintf(file, "<option value=\"%c\">%s</option>", signs[i].letter, signs[i].meaning);
  }
  fputs("</select></form>\n", file);
}

// ---- the table ---------------------------------------------------------------------------------

// dtypes as columns, in the order of the table, short.
static const char *short_name(tn_dtype dtype, char *text, size_t size) {
  const char *name = tn_dtype_name(dtype), *digits = strpbrk(name, "0123456789");
  if (digits == NULL) return name;
  snprintf(text, size, "%s%s", strncmp(name, "bf", 2) == 0 ? "bf" : (char[]){name[0], '\0'},
           digits);
  return text;
}

static void print_columns(FILE *file) {
  char text[32];
  fputs("<thead><tr><th></th>", file);
  for (tn_dtype dtype = 1; dtype < TN_DTYPE_COUNT; dtype++) {
    fprintf(file, "<th title=\"%s\">%s</th>", tn_dtype_name(dtype),
            short_name(dtype, text, sizeof text));
  }
  fputs("</tr></thead>\n", file);
}

static bool has_story(const tn_conformance_row *row) {
  return row->reason_count > 0 || row->note != NULL;
}

static void print_story(const tn_conformance_row *row, FILE *file) {
  const sign *s = sign_of(row);
  fprintf(file, "<li><b>%s</b> %s", tn_dtype_name(row->dtype), s->meaning);
  if (row->failures > 0) fprintf(file, ", %d of %d checks", row->failures, row->checks);
  if (row->skipped > 0 && row->ran > 0) fprintf(file, ", %d forms skipped", row->skipped);
  if (row->note != NULL) {
    fputs(": ", file);
    escape(file, row->note);
  }
  fputs("</li>\n", file);
  for (int32_t i = 0; i < row->reason_count; i++) {
    fputs("<li>\xE2\x80\x94 ", file);
    escape(file, row->reasons[i]);
    fputs("</li>\n", file);
  }
}

// Rows of one operator are neighbours. Unsupported dtypes share one reason, so the first is told.
static void print_operator_name(const tn_conformance_row *rows, int32_t count, FILE *file) {
  int32_t stories = 0;
  bool unsupported = false;
  for (int32_t i = 0; i < count; i++) stories += has_story(&rows[i]);
  fputs("<th class=\"n\">", file);
  if (stories == 0) {
    escape(file, rows[0].op);
    fputs("</th>", file);
    return;
  }
  fputs("<details><summary>", file);
  escape(file, rows[0].op);
  fputs("</summary><ol>\n", file);
  for (int32_t i = 0; i < count; i++) {
    bool again = unsupported && rows[i].verdict == TN_VERDICT_UNSUPPORTED;
    if (has_story(&rows[i]) && !again) print_story(&rows[i], file);
    unsupported = unsupported || rows[i].verdict == TN_VERDICT_UNSUPPORTED;
  }
  fputs("</ol></details></th>", file);
}

static void print_operator(const tn_conformance_row *rows, int32_t count, FILE *file) {
  char letters[TN_DTYPE_COUNT + 1] = "";
  int32_t used = 0, next = 0;
  for (int32_t i = 0; i < count && used < TN_DTYPE_COUNT; i++) {
    letters[used++] = sign_of(&rows[i])->letter;
  }
  fputs("<tr data-n=\"", file);
  escape(file, rows[0].op);
  fprintf(file, "\" data-v=\"%s\">", letters);
  print_operator_name(rows, count, file);
  for (tn_dtype dtype = 1; dtype < TN_DTYPE_COUNT; dtype++) {
    if (next == count || rows[next].dtype != dtype) {
      fputs("<td></td>", file);
      continue;
    }
    const tn_conformance_row *row = &rows[next++];
    const sign *s = sign_of(row);
    fprintf(file, "<td class=\"%c\" title=\"%s: %s\">%s</td>", s->letter, tn_dtype_name(dtype),
            s->meaning, s->symbol);
  }
  fputs("</tr>\n", file);
}

// How many rows from |rows| on are of one operator.
static int32_t operator_length(const tn_conformance_row *rows, int32_t left) {
  int32_t count = 1;
  while (count < left && strcmp(rows[count].op, rows[0].op) == 0 &&
         rows[count].dtype > rows[count - 1].dtype) {
    count++;
  }
  return count;
}

static void print_family(const tn_conformance_report *report, const char *family, FILE *file) {
  fputs("<tbody>\n", file);
  if (family[0] != '\0') {
    fprintf(file, "<tr><th colspan=\"%d\">", TN_DTYPE_COUNT);
    escape(file, family);
    fputs("</th></tr>\n", file);
  }
  for (int32_t i = 0, count; i < report->row_count; i += count) {
    const tn_conformance_row *rows = &report->rows[i];
    count = operator_length(rows, report->row_count - i);
    if (strcmp(rows[0].family, family) == 0) print_operator(rows, count, file);
  }
  fputs("</tbody>\n", file);
}

// The least family that is greater than |last|; NULL where there is none.
static const char *next_family(const tn_conformance_report *report, const char *last) {
  const char *next = NULL;
  for (int32_t i = 0; i < report->row_count; i++) {
    const char *family = report->rows[i].family;
    if (last != NULL && strcmp(family, last) <= 0) continue;
    if (next == NULL || strcmp(family, next) < 0) next = family;
  }
  return next;
}

static void print_table(const tn_conformance_report *report, FILE *file) {
  fputs("<table>\n", file);
  print_columns(file);
  const char *family = NULL;
  while ((family = next_family(report, family)) != NULL) print_family(report, family, file);
  fputs("</table>\n", file);
}

static void print_missing(const tn_conformance_report *report, FILE *file) {
  if (report->missing_count == 0) return;
  fputs("<p>Operators without a spec:", file);
  for (int32_t i = 0; i < report->missing_count; i++) {
    fputs(" <code>", file);
    escape(file, report->missing[i]);
    fputs("</code>", file);
  }
  fputs("</p>\n", file);
}

void tn_conformance_print_html(const tn_conformance_report *report, FILE *file) {
  bool passed = tn_conformance_passed(report);
  fputs(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>\n<title>",
      file);
  escape(file, report->device);
  fprintf(file, ": %s</title>\n", passed ? "conforms" : "does not conform");
  print_style(file);
  fputs("</head><body>\n<h1><code>", file);
  escape(file, report->device);
  const sign *s = &signs[passed ? PASSED : FAILED];
  fprintf(file, "</code> <b class=\"%c\">%s %s</b></h1>\n", s->letter, s->symbol,
          passed               ? "conforms to what it claims"
          : report->failed > 0 ? "does not conform"
                               : "shows nothing");
  print_facts(report, file);
  print_totals(report, file);
  print_missing(report, file);
  print_filter(file);
  print_table(report, file);
  fprintf(file, "<script>%s</script>\n</body></html>\n", script);
}
