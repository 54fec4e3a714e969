#!/usr/bin/env bash
# Installs the Python module `repscope` into a virtual environment, which is made if it does not exist and which has the
# packages of the system, such as python3-torch. Installs the Debian packages that are missing (root or sudo).
#
#   examples/python/install.sh VENV
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ $# -ne 1 ] || [ "$1" = -h ] || [ "$1" = --help ]; then
    sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
"$here/../../.ci/install-packages" g++ cmake ninja-build libeigen3-dev pybind11-dev python3-dev python3-venv python3-pip \
    python3-setuptools python3-wheel python3-numpy
[ -e "$1/bin/python" ] || /usr/bin/python3 -m venv --system-site-packages "$1"
"$1/bin/python" -m pip install --quiet --no-build-isolation --no-deps "$here"
"$1/bin/python" -I -c 'import repscope; print("repscope", repscope.__version__, "is installed in", repscope.__path__[0])'
