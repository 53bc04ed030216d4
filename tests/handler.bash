# What the tests of handlers share: Python scripts with both sides at hand (tests/peers.py), and
# servers by requests without nodectl.
# shellcheck shell=bash
source "${BASH_SOURCE[0]%/*}/proto.bash"
source "${BASH_SOURCE[0]%/*}/life.bash"
