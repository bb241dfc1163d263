;;; meerkat-settings.el --- What users can set, and hooks  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Every option has a default that needs no thought.  The first one to look at
;; is `meerkat-server-command', and only when the server isn't found by itself.

;;; Code:

(defgroup meerkat nil
  "Agent sessions that outlive the editor."
  :group 'tools
  :prefix "meerkat-")

;;;; The server

(defcustom meerkat-server-command nil
  "Program that serves sessions, with its arguments.
A list of strings, or one string.  When nil, the first of these that is
there: meerkat-rpc on PATH, python3 -m meerkat_rpc, uvx meerkat-rpc.  The
word \"serve\" is added."
  :type '(choice (const :tag "Find it" nil)
                 (string :tag "Program")
                 (repeat :tag "Program and arguments" string)))

(defcustom meerkat-server-arguments nil
  "Further arguments for the server, such as (\"--log-level\" \"debug\")."
  :type '(repeat string))

(defcustom meerkat-server-environment nil
  "Environment variables for the server, each as \"NAME=value\"."
  :type '(repeat string))

(defcustom meerkat-model nil
  "Model of new sessions; nil means the server's default."
  :type '(choice (const :tag "The server's default" nil) string))

;;;; The chat

(defcustom meerkat-history-page 50
  "How many messages are shown at first, and added when you scroll to the top."
  :type '(integer :match (lambda (_widget value) (and (integerp value) (<= 1 value 1000)))))

(defcustom meerkat-hide-markup t
  "Whether asterisks and back quotes of markdown are hidden.
Copied text has them all the same."
  :type 'boolean)

(defcustom meerkat-highlight-code t
  "Whether code blocks get the colours of their language's mode."
  :type 'boolean)

(defconst meerkat-display--wide 120
  "Columns of a window that leave enough for two beside each other.")

(defun meerkat-display-beside (buffer alist)
  "Display BUFFER beside the selected window, or below it where that is narrow.
ALIST is as for all functions of `display-buffer'."
  (let ((wide (>= (window-total-width) meerkat-display--wide)))
    (display-buffer-in-direction
     buffer (append (if wide '((direction . right) (window-width . 0.5))
                      '((direction . below) (window-height . 0.6)))
                    alist))))

(defcustom meerkat-display-action
  '((display-buffer-reuse-window display-buffer-reuse-mode-window meerkat-display-beside)
    (mode . meerkat-chat-mode))
  "How a chat is displayed: an action as for `display-buffer'."
  :type 'sexp)

(defcustom meerkat-notify t
  "Whether you are told of turns while you look elsewhere.
That one ended, that is, or waits for your answer."
  :type 'boolean)

(defcustom meerkat-notify-function nil
  "Function that tells you something: called with a title and a text.
When nil, the desktop's notifications are used where there are any, else
the bell and the echo area."
  :type '(choice (const :tag "Desktop or echo area" nil) function))

;;;; What is kept

(defcustom meerkat-state-directory (locate-user-emacs-file "meerkat/")
  "Directory of unsent drafts and of the history of prompts."
  :type 'directory)

(defcustom meerkat-prompt-history-length 500
  "How many prompts are remembered."
  :type 'natnum)

;;;; Hooks

(defvar meerkat-session-opened-functions nil
  "Abnormal hook: a session is shown.  Argument: its id.")

(defvar meerkat-turn-started-functions nil
  "Abnormal hook: a turn began.  Arguments: the ids of session and turn.")

(defvar meerkat-turn-ended-functions nil
  "Abnormal hook: a turn ended.
Arguments: the ids of session and turn, and how it ended: one of the
symbols `completed', `failed' and `interrupted'.")

(defvar meerkat-approval-requested-functions nil
  "Abnormal hook: something waits for an answer.
Arguments: the ids of session and approval, and what is asked.")

(defvar meerkat-approval-resolved-functions nil
  "Abnormal hook: somebody answered, here or elsewhere.
Arguments: the ids of session and approval, and the choice.")

(defvar meerkat-server-crashed-functions nil
  "Abnormal hook: the server ended by itself.  Argument: the reason, as text.")

(defun meerkat-run-hook (hook &rest arguments)
  "Run the functions of HOOK, a symbol, with ARGUMENTS.
A function that fails is reported and hinders nothing else."
  (condition-case failure
      (apply #'run-hook-with-args hook arguments)
    (error (message "meerkat: a function of %s failed: %s" hook (error-message-string failure)))))

(provide 'meerkat-settings)
;;; meerkat-settings.el ends here
