;;; meerkat-faces.el --- Colours for light and dark  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Faces inherit from those that themes set; where they name colours, they do
;; so for light and for dark backgrounds.

;;; Code:

(require 'meerkat-settings)

(defgroup meerkat-faces nil
  "Faces of chats."
  :group 'meerkat
  :group 'faces)

(defface meerkat-user-heading
  '((((background light)) :foreground "#00539c" :weight bold)
    (((background dark)) :foreground "#7fc1ff" :weight bold))
  "Heading of what you said.")

(defface meerkat-user
  '((((class color) (min-colors 88) (background light)) :background "#eef3f8" :extend t)
    (((class color) (min-colors 88) (background dark)) :background "#1f2a36" :extend t))
  "What you said.")

(defface meerkat-assistant-heading
  '((((background light)) :foreground "#7a3e00" :weight bold)
    (((background dark)) :foreground "#f0b46c" :weight bold))
  "Heading of what the model said.")

(defface meerkat-note '((t :inherit shadow))
  "Quiet lines: that something was interrupted, summarised, tried again.")

(defface meerkat-failure '((t :inherit error :weight normal))
  "What went wrong.")

(defface meerkat-tool '((t :inherit font-lock-function-name-face))
  "Name of a tool.")

(defface meerkat-success '((t :inherit success))
  "Mark of a tool that succeeded.")

(defface meerkat-detail '((t :inherit shadow))
  "Arguments, results and reasoning.")

(defface meerkat-waiting
  '((((class color) (min-colors 88) (background light)) :background "#fdf1d0" :extend t)
    (((class color) (min-colors 88) (background dark)) :background "#3a3012" :extend t)
    (t :inherit warning))
  "A question that waits for you.")

(defface meerkat-waiting-heading '((t :inherit (warning meerkat-waiting) :weight bold))
  "Heading of a question that waits for you.")

(defface meerkat-button '((t :inherit button))
  "What can be pressed.")

(defface meerkat-prompt '((t :inherit minibuffer-prompt))
  "The sign before what you write.")

(defface meerkat-mention '((t :inherit font-lock-constant-face))
  "A file that goes with the prompt.")

(defface meerkat-heading '((t :inherit font-lock-keyword-face :weight bold))
  "Heading in an answer.")

(defface meerkat-code
  '((((class color) (min-colors 88) (background light)) :background "#f0f0f0" :inherit fixed-pitch)
    (((class color) (min-colors 88) (background dark)) :background "#2a2a2a" :inherit fixed-pitch)
    (t :inherit font-lock-string-face))
  "Code within a line.")

(defface meerkat-code-block
  '((((class color) (min-colors 88) (background light))
     :background "#f5f5f5" :extend t :inherit fixed-pitch)
    (((class color) (min-colors 88) (background dark))
     :background "#242424" :extend t :inherit fixed-pitch)
    (t :inherit fixed-pitch))
  "Code on lines of its own.")

(defface meerkat-markup '((t :inherit shadow))
  "Signs of markdown that are shown.")

(defface meerkat-link '((t :inherit link))
  "Link in an answer.")

(defface meerkat-quote '((t :inherit font-lock-doc-face))
  "Quotation in an answer.")

(defface meerkat-busy '((t :inherit success))
  "State of a session that runs, in the mode line.")

(defface meerkat-needs-you '((t :inherit warning :weight bold))
  "State of a session that waits for you, in the mode line.")

(defface meerkat-offline '((t :inherit error))
  "State of a server that isn't there, in the mode line.")

(provide 'meerkat-faces)
;;; meerkat-faces.el ends here
