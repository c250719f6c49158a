/** \file
 * cmocka, with the headers that it needs before it. */
#ifndef BEELINE_SUPPORT_CMOCKA_H
#define BEELINE_SUPPORT_CMOCKA_H

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#endif
