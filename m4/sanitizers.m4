# MST_SANITIZERS - --enable-sanitizers: AddressSanitizer and UndefinedBehaviorSanitizer in everything.
AC_DEFUN([MST_SANITIZERS], [
  AC_ARG_ENABLE([sanitizers], [AS_HELP_STRING([--enable-sanitizers], [build with ASan and UBSan])],
    [], [enable_sanitizers=no])
  mst_sanitizers="$enable_sanitizers"
  AS_IF([test "x$enable_sanitizers" = xyes], [
    MST_CFLAGS="$MST_CFLAGS -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
    MST_LDFLAGS="$MST_LDFLAGS -fsanitize=address,undefined"
  ])
  AM_CONDITIONAL([SANITIZERS], [test "x$enable_sanitizers" = xyes])
])
