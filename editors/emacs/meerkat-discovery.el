;;; meerkat-discovery.el --- Where the server is  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; The command comes from the user's setting, or from what is installed.  A
;; setting that names nothing is an error: to run something else silently would
;; hide the mistake.

;;; Code:

(require 'meerkat-settings)
(require 'meerkat-log)
(require 'subr-x)

(defconst meerkat-discovery--patience 10
  "Seconds that Python gets to say whether it has the package.")

(defconst meerkat-discovery-advice
  (concat "Install it with `pip install meerkat-rpc', or with `pipx install 'meerkat-rpc[local]''"
          " for a model that needs no key; or set `meerkat-server-command' to where it is.")
  "What to do when there is no server.")

(defun meerkat-discovery-find (then)
  "Find the server and call THEN with a plist, now or later.
It has :command, a list, and :source, how it was found; or :error, what
to do, as text."
  (cond
   (meerkat-server-command (funcall then (meerkat-discovery--configured)))
   ((executable-find "meerkat-rpc")
    (funcall then (list :command (list (executable-find "meerkat-rpc"))
                        :source "meerkat-rpc on PATH")))
   ((executable-find "python3") (meerkat-discovery--ask-python then))
   (t (funcall then (meerkat-discovery--last-resort)))))

(defun meerkat-discovery--configured ()
  "Return what `meerkat-server-command' states, as a plist."
  (let* ((command (meerkat-discovery--words meerkat-server-command))
         (program (and command (meerkat-discovery--program (car command)))))
    (if program
        (list :command (cons program (cdr command)) :source "the setting meerkat-server-command")
      (list :error (format (concat "There is no program %s, which `meerkat-server-command' names."
                                   "  Correct the setting (M-x customize-option), or set it to nil"
                                   " to let the server be found.")
                           (or (car command) "\"\""))))))

(defun meerkat-discovery--words (setting)
  "Return SETTING, a string or a list, as a list of words."
  (cond ((listp setting) setting)
        ((meerkat-discovery--program setting) (list setting))
        (t (split-string-and-unquote setting))))

(defun meerkat-discovery--program (name)
  "Return the path of the program called NAME, or nil; NAME may begin with ~."
  (executable-find (if (string-prefix-p "~" name) (expand-file-name name) name)))

(defun meerkat-discovery--ask-python (then)
  "Ask python3 for the package; call THEN as `meerkat-discovery-find' does."
  (let* ((answered nil)
         (answer (lambda (found)
                   (unless answered
                     (setq answered t)
                     (funcall then found))))
         (process (meerkat-discovery--python answer)))
    (run-with-timer meerkat-discovery--patience nil
                    (lambda ()
                      (unless answered (delete-process process))
                      (funcall answer (meerkat-discovery--last-resort))))))

(defun meerkat-discovery--python (answer)
  "Start python3 and let it say its version; ANSWER is called with what that means."
  (make-process
   :name "meerkat-discovery"
   :command '("python3" "-m" "meerkat_rpc" "--version")
   :noquery t
   :connection-type 'pipe
   :sentinel
   (lambda (process _change)
     (unless (process-live-p process)
       (funcall answer
                (if (eq (process-exit-status process) 0)
                    (list :command (list (executable-find "python3") "-m" "meerkat_rpc")
                          :source "python3 -m meerkat_rpc")
                  (meerkat-discovery--last-resort)))))))

(defun meerkat-discovery--last-resort ()
  "Return uvx as a plist, or that there is nothing."
  (if (executable-find "uvx")
      (list :command (list (executable-find "uvx") "meerkat-rpc") :source "uvx meerkat-rpc")
    (list :error (concat "There is no meerkat-rpc on this machine (looked for on PATH, in python3, with uvx).  "
                         meerkat-discovery-advice))))

(provide 'meerkat-discovery)
;;; meerkat-discovery.el ends here
