# MST_FUZZ - --enable-fuzz: link the fuzz targets with libFuzzer (clang). Without it they replay their seeds.
AC_DEFUN([MST_FUZZ], [
  AC_ARG_ENABLE([fuzz], [AS_HELP_STRING([--enable-fuzz], [link fuzz targets with libFuzzer; needs CC=clang])],
    [], [enable_fuzz=no])
  mst_fuzz="replay seeds only"
  PLUGIN_DEFS="-Wl,-z,defs"
  AS_IF([test "x$enable_fuzz" = xyes], [
    mst_saved_cflags="$CFLAGS"
    CFLAGS="$CFLAGS -fsanitize=fuzzer"
    AC_MSG_CHECKING([for libFuzzer])
    AC_LINK_IFELSE([AC_LANG_SOURCE([[#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n) { (void)d; (void)n; return 0; }]])],
      [AC_MSG_RESULT([yes])],
      [AC_MSG_RESULT([no]); AC_MSG_ERROR([--enable-fuzz needs clang with libFuzzer: CC=clang ./configure --enable-fuzz (apt install clang libclang-rt-14-dev)])])
    CFLAGS="$mst_saved_cflags"
    MST_CFLAGS="$MST_CFLAGS -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
    MST_LDFLAGS="$MST_LDFLAGS -fsanitize=address,undefined"
    FUZZ_LDFLAGS="-fsanitize=fuzzer"
    dnl clang puts the sanitizers' functions into the program alone; a plugin finds them there when it is loaded.
    PLUGIN_DEFS=""
    mst_fuzz="libFuzzer"
  ])
  AC_SUBST([FUZZ_LDFLAGS])
  AC_SUBST([PLUGIN_DEFS])
  AM_CONDITIONAL([FUZZ_ENGINE], [test "x$enable_fuzz" = xyes])
])
