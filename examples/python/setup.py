"""Builds the Python module `repscope` with CMake: pip install --no-build-isolation examples/python, in a checkout."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

CHECKOUT = Path(__file__).resolve().parents[2]


class CMakeBuild(build_ext):
    """Compiles the target `repscope_python` for the interpreter that runs this file."""

    def build_extension(self, extension):
        build = Path(self.build_temp).resolve()
        generator = ["-G", "Ninja"] if shutil.which("ninja") else []
        subprocess.run(["cmake", "-S", CHECKOUT, "-B", build, *generator, "-DCMAKE_BUILD_TYPE=Release",
                        "-DCMAKE_CXX_FLAGS_RELEASE=-O2 -DNDEBUG", "-DREPSCOPE_BUILD_TESTS=OFF",
                        "-DREPSCOPE_BUILD_EXAMPLES=OFF", "-DREPSCOPE_BUILD_PYTHON=ON", "-DREPSCOPE_INSTALL=OFF",
                        f"-DPython_EXECUTABLE={sys.executable}", *os.environ.get("CMAKE_ARGS", "").split()],
                       check=True)
        targets = subprocess.run(["cmake", "--build", build, "--target", "help"], check=True, capture_output=True,
                                 text=True).stdout
        if "repscope_python" not in targets:
            sys.exit("repscope: expected pybind11 and the headers of Python: "
                     "apt-get install pybind11-dev python3-dev")
        subprocess.run(["cmake", "--build", build, "--target", "repscope_python", "-j", str(os.cpu_count())],
                       check=True)
        library, = (build / "python" / "repscope").glob("_core.*.so")
        target = Path(self.get_ext_fullpath(extension.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(library, target)


header = (CHECKOUT / "include" / "repscope" / "version.hpp").read_text()
version = ".".join(re.findall(r"#define REPSCOPE_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header))
with tempfile.TemporaryDirectory() as folder:  # nothing is left in the checkout
    setup(
        name="repscope",
        version=version,
        description="Class selectivity, dimensionality and robustness of neural representations",
        packages=["repscope"],
        package_data={"repscope": ["py.typed", "*.pyi"]},
        ext_modules=[Extension("repscope._core", [])],
        cmdclass={"build_ext": CMakeBuild},
        python_requires=">=3.9",
        install_requires=["numpy"],
        options={"build": {"build_base": folder}, "egg_info": {"egg_base": folder}},
    )
