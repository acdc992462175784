// SPDX-License-Identifier: Apache-2.0
#pragma once
/* json-c is plain C with opaque structures: Swift imports it without a shim. */
#include <json-c/json.h>
