# MST_LIBRARIES - what the core itself needs. All missing ones are named at once, with the command that installs them.
AC_DEFUN([MST_LIBRARIES], [
  mst_missing=""
  mst_packages=""
  MST_NEED([JSON_C], [json-c >= 0.15], [libjson-c-dev])
  MST_NEED([CONFUSE], [libconfuse >= 3.3], [libconfuse-dev])
  MST_NEED([BSON], [libbson-1.0 >= 1.20], [libbson-dev])
  MST_NEED([UV], [libuv >= 1.40], [libuv1-dev])
  MST_NEED([MICROHTTPD], [libmicrohttpd >= 0.9.71], [libmicrohttpd-dev])
  MST_NEED([CRYPTO], [libcrypto >= 3.0], [libssl-dev])
  MST_NEED([ZLIB], [zlib >= 1.2], [zlib1g-dev])

  AC_CHECK_HEADER([ltdl.h], [], [mst_missing="$mst_missing ltdl.h" mst_packages="$mst_packages libltdl-dev"])
  AC_CHECK_LIB([ltdl], [lt_dladvise_init], [LTDL_LIBS="-lltdl"], [])
  AC_SUBST([LTDL_LIBS])
  AC_SUBST([DL_LIBS], [-ldl])

  PKG_CHECK_MODULES([CMOCKA], [cmocka >= 1.1], [have_cmocka=yes], [have_cmocka=no])
  AM_CONDITIONAL([HAVE_CMOCKA], [test "x$have_cmocka" = xyes])
  AS_IF([test "x$have_cmocka" = xno], [AC_MSG_WARN([cmocka is missing: 'make check' will not run the unit tests (apt install libcmocka-dev)])])
  AC_CHECK_HEADERS([linux/landlock.h])

  AS_IF([test -n "$mst_missing"], [
    AC_MSG_ERROR([missing:$mst_missing
    On Debian and Ubuntu: sudo apt install$mst_packages])
  ])
])

# MST_NEED(VARIABLE, MODULE-SPEC, DEBIAN-PACKAGE)
AC_DEFUN([MST_NEED], [
  PKG_CHECK_MODULES([$1], [$2], [], [
    AC_MSG_RESULT([no])
    mst_missing="$mst_missing m4_normalize(m4_bpatsubst([$2], [ .*], []))"
    mst_packages="$mst_packages $3"
  ])
])
