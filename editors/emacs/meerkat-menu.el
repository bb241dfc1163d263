;;; meerkat-menu.el --- Every command, a key away  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; A transient menu, and the same keys as a keymap for a prefix of one's own.

;;; Code:

(require 'transient)
(require 'meerkat-actions)
(require 'meerkat-ask)
(require 'meerkat-chat)
(require 'meerkat-doctor)
(require 'meerkat-fork)
(require 'meerkat-log)
(require 'meerkat-model)
(require 'meerkat-pick)
(require 'meerkat-sessions)

;;;###autoload (autoload 'meerkat-menu "meerkat-menu" nil t)
(transient-define-prefix meerkat-menu ()
  "Show every command of meerkat."
  [["Chat"
    ("c" "last chat" meerkat-chat)
    ("n" "new chat" meerkat-new)
    ("a" "ask from here" meerkat-send-dwim)
    ("i" "put region into prompt" meerkat-add-region)
    ("k" "stop" meerkat-stop)
    ("y" "approve" meerkat-approve)
    ("N" "deny" meerkat-deny)]
   ["This session"
    ("f" "fork" meerkat-fork)
    ("r" "rename" meerkat-rename)
    ("v" "model" meerkat-set-model)
    ("z" "summarise" meerkat-compact)
    ("e" "export as Markdown" meerkat-export)
    ("A" "archive" meerkat-archive)
    ("U" "unarchive" meerkat-unarchive)
    ("D" "delete" meerkat-delete)]
   ["Sessions"
    ("o" "resume" meerkat-resume)
    ("l" "list" meerkat-list-sessions)
    ("u" "load earlier messages" meerkat-history-load-earlier)]
   ["Server"
    ("d" "doctor" meerkat-doctor)
    ("L" "log" meerkat-log-show)
    ("t" "traffic on or off" meerkat-traffic)
    ("R" "restart" meerkat-restart)
    ("h" "help: keys of a chat" meerkat-help)]])

;;;###autoload
(defun meerkat-help ()
  "Describe the keys of chats."
  (interactive)
  (describe-function 'meerkat-chat-mode))

(provide 'meerkat-menu)
;;; meerkat-menu.el ends here
