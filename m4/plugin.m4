# MST_PLUGIN(NAME, DESCRIPTION, PKG-CONFIG-MODULES) - --enable-plugin-NAME=auto|yes|no.
# auto: built when its libraries are there, and said so at the end when not. yes: an error when not.
# Defines the conditional PLUGIN_NAME and the variables PLUGIN_NAME_CFLAGS and PLUGIN_NAME_LIBS.
AC_DEFUN([MST_PLUGIN], [
  m4_pushdef([MST_VAR], m4_translit([$1], [a-z-], [A-Z_]))
  AC_ARG_ENABLE([plugin-$1], [AS_HELP_STRING([--enable-plugin-$1=auto|yes|no], [$2 (auto)])],
    [mst_want="$enableval"], [mst_want=auto])
  mst_have=no
  AS_CASE([$mst_want],
    [no], [mst_plugins_left_out="$mst_plugins_left_out $1(disabled)"],
    [yes|auto], [
      mst_modules=""
      for module in $3; do
        AS_CASE([$module], [libbson], [module=libbson-1.0], [libxml2], [module=libxml-2.0])
        mst_modules="$mst_modules $module"
      done
      AS_IF([$PKG_CONFIG --exists $mst_modules], [
        mst_have=yes
        PLUGIN_[]MST_VAR[]_CFLAGS=`$PKG_CONFIG --cflags $mst_modules`
        PLUGIN_[]MST_VAR[]_LIBS=`$PKG_CONFIG --libs $mst_modules`
        mst_plugins_built="$mst_plugins_built $1"
      ], [
        AS_IF([test "x$mst_want" = xyes],
          [AC_MSG_ERROR([--enable-plugin-$1=yes, but one of these is missing:$mst_modules (see README, "Build")])])
        mst_plugins_left_out="$mst_plugins_left_out $1(needs$mst_modules)"
      ])
    ],
    [AC_MSG_ERROR([--enable-plugin-$1 takes auto, yes or no])])
  AC_SUBST(PLUGIN_[]MST_VAR[]_CFLAGS)
  AC_SUBST(PLUGIN_[]MST_VAR[]_LIBS)
  AM_CONDITIONAL(PLUGIN_[]MST_VAR, [test "x$mst_have" = xyes])
  m4_popdef([MST_VAR])
])
