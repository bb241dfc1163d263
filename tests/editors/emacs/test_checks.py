"""The package's files pass every check of Emacs' own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.editors.emacs.batch import run_emacs
from tests.editors.emacs.terminal import SOURCES
from tests.editors.programs import require
from tests.editors.workplace import Workplace

LINT = Path(__file__).with_name("lint.el")


@pytest.mark.parametrize("check", ["lint-compile", "lint-checkdoc", "lint-package"])
def test_nothing_is_complained_of(check: str) -> None:
    if check == "lint-package":
        require("package-lint")
    ran = subprocess.run(
        [require("emacs"), "-Q", "--batch", "-l", str(LINT), "-f", check, str(SOURCES)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_an_emacs_that_is_too_old_gets_one_polite_error(workplace: Workplace) -> None:
    form = """(let ((emacs-version "27.2"))
      (condition-case problem (require 'meerkat)
        (error (princ (list (error-message-string problem) (featurep 'meerkat) (featurep 'meerkat-chat))))))"""
    ran = run_emacs(workplace, "--eval", form)
    assert ran.stdout == "(Meerkat needs Emacs 28.1 or newer; this is 27.2 nil nil)"
    assert not ran.stderr


def test_every_command_is_there_before_the_package_is_loaded(workplace: Workplace) -> None:
    form = """(progn (require 'package) (package-generate-autoloads "meerkat" (car load-path))
      (load (expand-file-name "meerkat-autoloads" (car load-path)) nil t)
      (princ (list (featurep 'meerkat) (autoloadp (symbol-function 'meerkat-send-dwim))
                   (commandp 'meerkat) (commandp 'meerkat-doctor) (commandp 'meerkat-menu)
                   (commandp 'meerkat-status-mode) (progn (autoload-do-load (symbol-function 'meerkat-new))
                                                          (featurep 'meerkat-notify)))))"""
    assert run_emacs(workplace, "--eval", form).stdout.endswith("(nil t t t t t t)")
