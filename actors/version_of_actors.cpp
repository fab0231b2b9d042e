// The folder’s first source.
namespace kith {}
