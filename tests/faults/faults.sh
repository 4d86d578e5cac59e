#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every 97th allocation; FAULT_STRIDE=1 tries each.
exec tests/faults/faults "${FAULT_STRIDE:-97}"
