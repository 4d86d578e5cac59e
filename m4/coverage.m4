# MST_COVERAGE - --enable-coverage: count which lines run, for tests/style/coverage.
AC_DEFUN([MST_COVERAGE], [
  AC_ARG_ENABLE([coverage], [AS_HELP_STRING([--enable-coverage], [count which lines run (gcc)])],
    [], [enable_coverage=no])
  AS_IF([test "x$enable_coverage" = xyes], [
    MST_CFLAGS="$MST_CFLAGS --coverage -fprofile-update=atomic"
    MST_LDFLAGS="$MST_LDFLAGS --coverage"
    dnl Counts are written at exit; a worker leaves by _exit, past what a plugin's libraries do at exit.
    MST_PROGRAM_LDFLAGS="$MST_PROGRAM_LDFLAGS -Wl,--wrap=_exit"
  ])
  AM_CONDITIONAL([COVERAGE], [test "x$enable_coverage" = xyes])
])
