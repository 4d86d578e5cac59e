# MST_COMPILER - C11, warnings, hardening. --enable-werror makes warnings errors.
AC_DEFUN([MST_COMPILER], [
  AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [treat compiler warnings as errors])],
    [], [enable_werror=no])
  AC_ARG_ENABLE([hardening], [AS_HELP_STRING([--disable-hardening], [leave out the hardening flags])],
    [], [enable_hardening=yes])
  MST_CFLAGS="-std=gnu11"
  MST_LDFLAGS=""
  for flag in -Wall -Wextra -Wshadow -Wformat=2 -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
              -Wmissing-prototypes -Wpointer-arith -Wvla -Wundef -fno-common -fvisibility=hidden; do
    MST_TRY_CFLAG([$flag])
  done
  AS_IF([test "x$enable_werror" = xyes], [MST_TRY_CFLAG([-Werror])])
  AS_IF([test "x$enable_hardening" = xyes], [
    for flag in -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero; do
      MST_TRY_CFLAG([$flag])
    done
    dnl _FORTIFY_SOURCE wants an optimising build and fights the sanitizers.
    AS_IF([test "x$enable_sanitizers" != xyes && test "x$enable_fuzz" != xyes],
      [AS_CASE([$CFLAGS], [*-O@<:@123s@:>@*], [MST_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])])
    MST_CFLAGS="$MST_CFLAGS -fPIE"
    MST_PROGRAM_LDFLAGS="-pie"
    MST_LDFLAGS="-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack"
  ])
  MST_LDFLAGS="$MST_LDFLAGS -Wl,--as-needed"
  AC_SUBST([MST_CFLAGS])
  AC_SUBST([MST_CPPFLAGS])
  AC_SUBST([MST_LDFLAGS])
  AC_SUBST([MST_PROGRAM_LDFLAGS])
])

# MST_TRY_CFLAG(FLAG) - appends FLAG to MST_CFLAGS when the compiler takes it without complaint.
AC_DEFUN([MST_TRY_CFLAG], [
  mst_saved_cflags="$CFLAGS"
  CFLAGS="$CFLAGS -Werror $1"
  AC_MSG_CHECKING([whether $CC accepts $1])
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[]], [[return 0;]])],
    [AC_MSG_RESULT([yes]); MST_CFLAGS="$MST_CFLAGS $1"], [AC_MSG_RESULT([no])])
  CFLAGS="$mst_saved_cflags"
])
