// This executable's own copy of the support that net's tests have.
#include "tests/net/support/fake_service.cpp"
