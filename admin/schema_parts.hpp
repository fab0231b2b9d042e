// What /v1/schemas serves.
#pragma once

namespace kith::ingest::schema {
class gate;
class store;
}  // namespace kith::ingest::schema

namespace kith::admin {

/// Both may be null.
struct schema_parts {
  ingest::schema::store* store = nullptr;
  const ingest::schema::gate* gate = nullptr;  ///< what is observed
};

}  // namespace kith::admin
