# SPDX-License-Identifier: Apache-2.0
# Sourced by the findings. Runs the Python program on standard input with pinned packages from PyPI, in a virtual
# environment that is removed at the end. With PEFTKIT_FINDINGS_ENVIRONMENTS=DIR, environments are kept there and used
# again by findings with the same packages. $temporary is a folder that is removed at the end.
#
#     run_python peft==0.21.2 torch==2.13.0 <<'PYTHON'

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

run_python() {
  name=$(printf '%s ' "$@" | sha256sum | cut -c 1-16)
  if [ -n "${PEFTKIT_FINDINGS_ENVIRONMENTS:-}" ]; then
    environment=$PEFTKIT_FINDINGS_ENVIRONMENTS/$name
  else
    environment=$temporary/$name
  fi
  if [ ! -e "$environment/ready" ]; then
    "${PYTHON:-python3}" -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check "$@"
    touch "$environment/ready"
  fi
  HF_HUB_OFFLINE=1 PYTHONWARNINGS=ignore TRANSFORMERS_VERBOSITY=error WORK=$temporary "$environment/bin/python" -
}
