// SPDX-License-Identifier: Apache-2.0
//
// test_conformance_report: the page and the JSON of a finished run. A small strict reader goes
// through the page: every element is closed in order, attributes are quoted, references are known,
// the text is UTF-8, and nothing is fetched from elsewhere.

#include <criterion/criterion.h>
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tenon/conformance.h>
#include <unistd.h>

#include "tenon_test.h"

// ---- a strict reader ---------------------------------------------------------------------------

enum { DEEPEST = 32 };

typedef struct reader {
  const char *start, *at;
  char open[DEEPEST][24];
  int depth;
  const char *wrong;  // the first thing, NULL while all is well
} reader;

static void blame(reader *r, const char *what) {
  if (r->wrong == NULL) r->wrong = what;
}

static void read_name(reader *r, char *name, size_t size) {
  size_t length = 0;
  while (isalnum((unsigned char)r->at[length]) || r->at[length] == '-') length++;
  if (length == 0 || length >= size) blame(r, "a name");
  snprintf(name, size, "%.*s", (int)length, r->at);
  r->at += length;
}

static void read_reference(reader *r) {
  static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (strncmp(r->at, known[i], strlen(known[i])) != 0) continue;
    r->at += strlen(known[i]);
    return;
  }
  blame(r, "a reference");
  r->at++;
}

// One character of text, of an attribute where |quote| is one.
static void read_character(reader *r) {
  const unsigned char c = (unsigned char)*r->at;
  if (c == '&') {
    read_reference(r);
    return;
  }
  if ((c < 0x20 && c != '\n') || c == 0x7F) blame(r, "a control character");
  int more = c < 0x80 ? 0 : c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
  if (c >= 0x80 && c < 0xC2) blame(r, "UTF-8");
  r->at++;
  for (int i = 0; i < more; i++, r->at++) {
    if (((unsigned char)*r->at & 0xC0) != 0x80) {
      blame(r, "UTF-8");
      return;
    }
  }
}

static void read_attribute(reader *r) {
  char name[32];
  read_name(r, name, sizeof name);
  if (strncmp(r->at, "=\"", 2) != 0) {
    blame(r, "an attribute without a quoted value");
    return;
  }
  r->at += 2;
  bool fetches = strcmp(name, "src") == 0 || strcmp(name, "href") == 0;
  if (fetches) blame(r, "a resource from elsewhere");
  while (*r->at != '"' && *r->at != '\0' && r->wrong == NULL) {
    if (*r->at == '<') blame(r, "'<' in an attribute");
    read_character(r);
  }
  r->at += *r->at == '"';
}

static void read_end_tag(reader *r) {
  char name[24];
  r->at += 2;
  read_name(r, name, sizeof name);
  if (r->depth == 0 || strcmp(r->open[r->depth - 1], name) != 0) {
    blame(r, "an end tag of what is not open");
    return;
  }
  r->depth--;
  if (*r->at++ != '>') blame(r, "an end tag");
}

static void read_start_tag(reader *r) {
  r->at++;
  if (r->depth == DEEPEST) {
    blame(r, "too deep");
    return;
  }
  read_name(r, r->open[r->depth], sizeof r->open[0]);
  while (*r->at == ' ' && r->wrong == NULL) {
    r->at++;
    read_attribute(r);
  }
  if (*r->at == '/') {
    r->at++;
  } else {
    r->depth++;
  }
  if (*r->at++ != '>') blame(r, "a start tag");
}

// NULL when |page| is well-formed, else what is wrong and where.
static const char *fault_of(const char *page) {
  static char story[160];
  static const char doctype[] = "<!DOCTYPE html>\n";
  if (strncmp(page, doctype, sizeof doctype - 1) != 0) return "no doctype";
  reader r = {.start = page, .at = page + sizeof doctype - 1};
  while (*r.at != '\0' && r.wrong == NULL) {
    if (strncmp(r.at, "</", 2) == 0) {
      read_end_tag(&r);
    } else if (*r.at == '<') {
      read_start_tag(&r);
    } else {
      read_character(&r);
    }
  }
  if (r.wrong == NULL && r.depth > 0) r.wrong = "an element is left open";
  if (r.wrong == NULL) return NULL;
  long where = (long)(r.at - r.start);
  snprintf(story, sizeof story, "%s at %ld: %.60s", r.wrong, where, where > 20 ? r.at - 20 : page);
  return story;
}

TN_TEST(conformance_report, the_strict_reader_is_strict) {
  static const char *const wrong[] = {
      "<html></html>",
      "<!DOCTYPE html>\n<p>",
      "<!DOCTYPE html>\n<p></b>",
      "<!DOCTYPE html>\n<p class=x></p>",
      "<!DOCTYPE html>\n<p class=\"<\"></p>",
      "<!DOCTYPE html>\n<p>&nbsp;</p>",
      "<!DOCTYPE html>\n<p>a & b</p>",
      "<!DOCTYPE html>\n<p>\xC3(</p>",
      "<!DOCTYPE html>\n<p>\x01</p>",
      "<!DOCTYPE html>\n<script src=\"x.js\"></script>",
  };
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    cr_expect_not_null(fault_of(wrong[i]), "%s", wrong[i]);
  }
  cr_expect_null(fault_of("<!DOCTYPE html>\n<p id=\"a\">&lt;\xE2\x9C\x93<br/></p>\n"));
}

// ---- pages -------------------------------------------------------------------------------------

static char *contents_of(const char *path) {
  FILE *file = fopen(path, "r");
  cr_assert_not_null(file, "%s", path);
  enum { MOST = 1 << 20 };
  char *text = calloc(1, MOST);
  size_t length = fread(text, 1, MOST - 1, file);
  cr_assert_lt(length, MOST - 1);
  fclose(file);
  return text;
}

static char *printed(const tn_conformance_report *report,
                     void (*print)(const tn_conformance_report *, FILE *)) {
  char *text = NULL;
  size_t size = 0;
  FILE *file = open_memstream(&text, &size);
  print(report, file);
  fclose(file);
  return text;
}

TN_TEST(conformance_report, a_page_of_every_verdict_is_well_formed) {
  static char hostile[] = "</li><script>alert(\"x\")</script> & 'quotes' \x01 \xFF \xED\xA0\x80";
  tn_conformance_row rows[] = {
      {.op = "neg", .dtype = TN_F32, .verdict = TN_VERDICT_PASSED, .checks = 3, .ran = 1},
      {.op = "neg",
       .dtype = TN_F64,
       .verdict = TN_VERDICT_FAILED,
       .checks = 3,
       .failures = 1,
       .reason_count = 1,
       .reasons = {hostile}},
      {.op = "abs", .dtype = TN_BOOL, .verdict = TN_VERDICT_REFUSED},
      {.op = "abs",
       .dtype = TN_F32,
       .verdict = TN_VERDICT_PASSED,
       .ran = 2,
       .skipped = 1,
       .note = hostile},
      {.op = "abs",
       .dtype = TN_F64,
       .verdict = TN_VERDICT_UNSUPPORTED,
       .reason_count = 1,
       .reasons = {hostile}},
      {.op = "exp", .dtype = TN_F32, .verdict = TN_VERDICT_EXPECTED, .note = hostile},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) rows[i].family = i < 2 ? "a" : "b<";
  const char *missing[] = {"a<b"};
  tn_conformance_report report = {.rows = rows,
                                  .row_count = sizeof rows / sizeof rows[0],
                                  .failed = 1,
                                  .missing = missing,
                                  .missing_count = 1,
                                  .device = "mine:0",
                                  .backend = "m <1>",
                                  .command = hostile};
  char *page = printed(&report, tn_conformance_print_html);
  const char *fault = fault_of(page);
  cr_expect_null(fault, "%s", fault);
  cr_expect_null(strstr(page, "<script>alert"));
  cr_expect_null(strstr(page, "http"), "a page loads nothing");
  static const char *const shown[] = {"class=\"p\"", "class=\"f\"", "class=\"r\"",
                                      "class=\"h\"", "class=\"u\"", "class=\"x\""};
  for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
    cr_expect_not_null(strstr(page, shown[i]), "%s", shown[i]);
  }
  free(page);
}

TN_TEST(conformance_report, an_empty_page_is_well_formed) {
  tn_conformance_report report = {.command = ""};
  char *page = printed(&report, tn_conformance_print_html);
  const char *fault = fault_of(page);
  cr_expect_null(fault, "%s", fault);
  cr_expect_not_null(strstr(page, "shows nothing"));
  free(page);
}

// ---- the file ----------------------------------------------------------------------------------

static tn_status run_into(const char *path, tn_conformance_report **report) {
  tn_conformance_options options = {.struct_size = sizeof options,
                                    .device = "cpu",
                                    .ops = "neg,softmax*",
                                    .html = path,
                                    .command = "tenon conform cpu --ops 'neg,softmax*'"};
  return tn_conformance_run(&options, report);
}

static int files_in(const char *folder) {
  DIR *listing = opendir(folder);
  int count = 0;
  for (struct dirent *entry; (entry = readdir(listing)) != NULL;) count += entry->d_name[0] != '.';
  closedir(listing);
  return count;
}

TN_TEST(conformance_report, a_run_leaves_one_whole_page) {
  char folder[] = "/tmp/tenon report XXXXXX", path[64];
  cr_assert_not_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/page.html", folder);
  tn_conformance_report *report = NULL;
  for (int i = 0; i < 2; i++) {
    cr_assert_eq(run_into(path, &report), TN_OK, "the second run replaces the first's page");
    tn_conformance_report_free(report);
  }
  char *page = contents_of(path);
  const char *fault = fault_of(page);
  cr_expect_null(fault, "%s", fault);
  static const char *const told[] = {"cpu", "&#39;neg,softmax*&#39;", "quick tier", "softmax.int",
                                     "conforms to what it claims"};
  for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
    cr_expect_not_null(strstr(page, told[i]), "%s", told[i]);
  }
  free(page);
  struct stat facts;
  cr_assert_eq(stat(path, &facts), 0);
  cr_expect_eq(facts.st_mode & 0400, 0400);
  cr_expect_eq(files_in(folder), 1);
  unlink(path);
  rmdir(folder);
}

TN_TEST(conformance_report, what_cannot_be_written_is_said_before_anything_runs) {
  static const char *const places[] = {"/nonexistent/page.html", "/tmp", "/dev/null"};
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
    tn_conformance_report *report = NULL;
    cr_expect_eq(run_into(places[i], &report), TN_IO_ERROR, "%s", places[i]);
    cr_expect_null(report);
    cr_assert_not(tn_ok());
    cr_expect_not_null(strstr(tn_error_peek()->message, places[i]));
    tn_error_clear();
  }
}

TN_TEST(conformance_report, a_run_that_fails_leaves_the_older_page) {
  char folder[] = "/tmp/tenon_report_XXXXXX", path[64];
  cr_assert_not_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/page.html", folder);
  FILE *file = fopen(path, "w");
  fputs("older", file);
  fclose(file);
  tn_conformance_options options = {
      .struct_size = sizeof options, .device = "no_such_device", .html = path};
  tn_conformance_report *report = NULL;
  cr_expect_neq(tn_conformance_run(&options, &report), TN_OK);
  tn_error_clear();
  char *text = contents_of(path);
  cr_expect_str_eq(text, "older");
  free(text);
  cr_expect_eq(files_in(folder), 1);
  unlink(path);
  rmdir(folder);
}

TN_TEST(conformance_report, json_says_what_ran_and_where) {
  tn_conformance_report *report = NULL;
  cr_assert_eq(run_into(NULL, &report), TN_OK);
  char *text = printed(report, tn_conformance_print_json);
  static const char *const told[] = {"\"conforms\": true", "\"device\": \"cpu\"",
                                     "\"tier\": \"quick\"", "\"op\": \"neg\"", "\"skipped\": 0"};
  for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
    cr_expect_not_null(strstr(text, told[i]), "%s", told[i]);
  }
  free(text);
  tn_conformance_report_free(report);
}
