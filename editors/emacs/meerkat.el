;;; meerkat.el --- Agent sessions that outlive the editor  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;; Author: The meerkat-rpc authors
;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1"))
;; Keywords: tools, convenience
;; URL: https://github.com/meerkat-rpc/meerkat-rpc

;;; Commentary:

;; Chats with language models, kept by the server meerkat-rpc: what was said is
;; on disk before you see it, and a session that began here goes on in another
;; editor, or after a crash of either side.
;;
;; There is nothing to configure.  `M-x meerkat' begins, or shows the last chat.
;; `M-x meerkat-send-dwim' asks from any buffer, about the region if there is one.
;; `M-x meerkat-menu' has everything else.  No key is bound outside of chats; for
;; a prefix of your own:
;;
;;     (global-set-key (kbd "C-c m") 'meerkat-command-map)
;;
;; In a chat, RET sends, C-j begins a new line, and C-c C-c stops the answer that
;; is being written.  RET while an answer is being written lets the prompt wait
;; for its end, M-RET adds it to what runs.  What the server asks is answered by
;; a digit.  C-h m describes all keys.
;;
;; If the server isn't found, or no model: `M-x meerkat-doctor' says what to do.
;;
;; Hooks: `meerkat-session-opened-functions', `meerkat-turn-started-functions',
;; `meerkat-turn-ended-functions', `meerkat-approval-requested-functions',
;; `meerkat-approval-resolved-functions', `meerkat-server-crashed-functions'.

;;; Code:

(when (version< emacs-version "28.1")
  (error "Meerkat needs Emacs 28.1 or newer; this is %s" emacs-version))

(require 'meerkat-settings)
(require 'meerkat-actions)
(require 'meerkat-ask)
(require 'meerkat-chat)
(require 'meerkat-menu)
(require 'meerkat-notify)
(require 'meerkat-sessions)
(require 'meerkat-status)

;;;###autoload
(defalias 'meerkat #'meerkat-chat
  "Show the last chat, or bury it.")

;;;###autoload (autoload 'meerkat-command-map "meerkat" nil nil 'keymap)
(defvar meerkat-command-map
  (let ((map (make-sparse-keymap)))
    (define-key map "c" #'meerkat-chat)
    (define-key map "n" #'meerkat-new)
    (define-key map "a" #'meerkat-send-dwim)
    (define-key map "i" #'meerkat-add-region)
    (define-key map "k" #'meerkat-stop)
    (define-key map "y" #'meerkat-approve)
    (define-key map "o" #'meerkat-resume)
    (define-key map "l" #'meerkat-list-sessions)
    (define-key map "d" #'meerkat-doctor)
    (define-key map "?" #'meerkat-menu)
    map)
  "Keys for a prefix of your own.")
(fset 'meerkat-command-map meerkat-command-map)

(provide 'meerkat)
;;; meerkat.el ends here
