#include "admin/routes.hpp"

namespace kith::admin {

std::string_view openapi_document() {
  static constexpr std::string_view document = R"json({
  "openapi": "3.1.0",
  "info": {
    "title": "Kith admin API",
    "version": "0.1.0",
    "description": "Profiles, their events, and the server's state. Errors are RFC 9457 problem documents. Times are RFC 3339."
  },
  "security": [{"bearer": []}, {"certificate": []}],
  "paths": {
    "/healthz": {"get": {"summary": "Does the process answer?", "operationId": "healthz", "security": [],
      "responses": {"200": {"description": "yes", "content": {"application/json": {"schema": {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}}}}}}}},
    "/readyz": {"get": {"summary": "Are events taken in?", "operationId": "readyz", "security": [],
      "responses": {"200": {"$ref": "#/components/responses/Ready"}, "503": {"$ref": "#/components/responses/Ready"}}}},
    "/metrics": {"get": {"summary": "Prometheus metrics", "operationId": "metrics",
      "responses": {"200": {"description": "text format 0.0.4", "content": {"text/plain": {"schema": {"type": "string"}}}}, "401": {"$ref": "#/components/responses/Problem"}, "403": {"$ref": "#/components/responses/Problem"}}}},
    "/v1/openapi.json": {"get": {"summary": "This document", "operationId": "openapi", "security": [],
      "responses": {"200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}}}}},
    "/v1/profiles/{kind}/{id}": {"get": {"summary": "A profile", "operationId": "getProfile",
      "parameters": [{"$ref": "#/components/parameters/Kind"}, {"$ref": "#/components/parameters/Id"},
        {"name": "fields", "in": "query", "description": "keys of the profile, separated by commas", "schema": {"type": "string"}},
        {"name": "view", "in": "query", "description": "a named view; none is defined in this version", "schema": {"type": "string"}}],
      "responses": {"200": {"description": "the profile", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Profile"}}}},
        "400": {"$ref": "#/components/responses/Problem"}, "401": {"$ref": "#/components/responses/Problem"}, "403": {"$ref": "#/components/responses/Problem"}, "404": {"$ref": "#/components/responses/Problem"}, "503": {"$ref": "#/components/responses/Problem"}}}},
    "/v1/profiles/{kind}/{id}/events": {"get": {"summary": "A profile's events, by event time", "operationId": "getEvents",
      "parameters": [{"$ref": "#/components/parameters/Kind"}, {"$ref": "#/components/parameters/Id"},
        {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}},
        {"name": "cursor", "in": "query", "description": "next of the page before", "schema": {"type": "string"}},
        {"name": "order", "in": "query", "schema": {"enum": ["asc", "desc"], "default": "desc"}},
        {"name": "from", "in": "query", "description": "event time, inclusive", "schema": {"type": "string", "format": "date-time"}},
        {"name": "to", "in": "query", "description": "event time, exclusive", "schema": {"type": "string", "format": "date-time"}}],
      "responses": {"200": {"description": "a page", "content": {"application/json": {"schema": {"type": "object", "required": ["items", "next"],
          "properties": {"items": {"type": "array", "items": {"type": "object"}}, "next": {"type": ["string", "null"]}}}}}},
        "400": {"$ref": "#/components/responses/Problem"}, "401": {"$ref": "#/components/responses/Problem"}, "403": {"$ref": "#/components/responses/Problem"}, "503": {"$ref": "#/components/responses/Problem"}}}},
    "/v1/stats": {"get": {"summary": "Counters", "operationId": "stats",
      "responses": {"200": {"description": "numbers by name", "content": {"application/json": {"schema": {"type": "object", "additionalProperties": {"type": "number"}}}}}, "400": {"$ref": "#/components/responses/Problem"}, "401": {"$ref": "#/components/responses/Problem"}, "403": {"$ref": "#/components/responses/Problem"}}}},
    "/v1/latency": {"get": {"summary": "Latency percentiles by stage over 1 m, 5 m and 1 h, in microseconds", "operationId": "latency",
      "responses": {"200": {"description": "percentiles", "content": {"application/json": {"schema": {"type": "object", "required": ["unit", "stages"], "properties": {"unit": {"const": "microseconds"}, "stages": {"type": "object"}}}}}}, "400": {"$ref": "#/components/responses/Problem"}, "401": {"$ref": "#/components/responses/Problem"}, "403": {"$ref": "#/components/responses/Problem"}}}},
    "/v1/snapshot": {"post": {"summary": "Save all changed profiles and cut the journal", "operationId": "snapshot",
      "responses": {"200": {"description": "saved", "content": {"application/json": {"schema": {"type": "object", "required": ["status", "seconds"], "properties": {"status": {"const": "saved"}, "seconds": {"type": "number"}}}}}}, "401": {"$ref": "#/components/responses/Problem"}, "403": {"$ref": "#/components/responses/Problem"}, "503": {"$ref": "#/components/responses/Problem"}, "507": {"$ref": "#/components/responses/Problem"}}}}
  },
  "components": {
    "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}, "certificate": {"type": "mutualTLS"}},
    "parameters": {
      "Kind": {"name": "kind", "in": "path", "required": true, "description": "user, anonymous, profile, or the type of an external id", "schema": {"type": "string", "minLength": 1}},
      "Id": {"name": "id", "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}}
    },
    "responses": {
      "Problem": {"description": "what is wrong and how to mend it", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
      "Ready": {"description": "the server's phase", "content": {"application/json": {"schema": {"type": "object", "required": ["status"],
        "properties": {"status": {"enum": ["recovering", "ready", "failed", "stopping"]}, "reason": {"type": "string"}, "replayedBytes": {"type": "integer"}, "replayBytes": {"type": "integer"}}}}}}
    },
    "schemas": {
      "Problem": {"type": "object", "required": ["type", "title", "status", "detail", "code"],
        "properties": {"type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"}, "code": {"type": "string"}}},
      "Profile": {"type": "object", "properties": {
        "profile": {"type": "string"}, "version": {"type": "integer"},
        "userIds": {"type": "array", "items": {"type": "string"}}, "anonymousIds": {"type": "array", "items": {"type": "string"}},
        "externalIds": {"type": "array", "items": {"type": "object", "properties": {"type": {"type": "string"}, "id": {"type": "string"}}}},
        "traits": {"type": "object"}, "computed": {"type": "object"}, "segments": {"type": "array"}, "consent": {"type": "object"},
        "firstSeen": {"type": "string", "format": "date-time"}, "lastSeen": {"type": "string", "format": "date-time"},
        "events": {"type": "object", "additionalProperties": {"type": "object", "properties": {"count": {"type": "integer"}, "firstAt": {"type": "string", "format": "date-time"}, "lastAt": {"type": "string", "format": "date-time"}}}},
        "sessions": {"type": "object", "properties": {"count": {"type": "integer"}, "lastStart": {"type": "string", "format": "date-time"}, "lastEnd": {"type": "string", "format": "date-time"}}}}}
    }
  }
}
)json";
  return document;
}

}  // namespace kith::admin
