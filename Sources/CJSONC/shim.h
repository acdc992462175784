#pragma once
/* json-c is plain C whose structures stay opaque: Swift imports it as it is. */
#include <json-c/json.h>
