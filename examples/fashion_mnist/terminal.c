// SPDX-License-Identifier: Apache-2.0
//
// terminal: what standard output can show.

#define _DEFAULT_SOURCE  // TIOCGWINSZ

#include "terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

terminal terminal_open(void) {
  const char *term = getenv("TERM");
  const char *no_colour = getenv("NO_COLOR");
  bool dumb = term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0;
  // Only the character set: numbers keep their decimal point.
  (void)setlocale(LC_CTYPE, "");
  terminal t;
  t.interactive = isatty(STDOUT_FILENO) && !dumb;
  t.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
  t.colour = t.interactive && (no_colour == NULL || no_colour[0] == '\0');
  return t;
}

int terminal_width(void) {
  struct winsize size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char *columns = getenv("COLUMNS");
  int width = columns == NULL ? 0 : atoi(columns);
  return width > 0 && width < 10000 ? width : 80;
}
