// The one file that compiles the bodies of Asio and Beast (the *_SEPARATE_COMPILATION defines are
// on stoker_boost).
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
