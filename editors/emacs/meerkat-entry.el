;;; meerkat-entry.el --- What a conversation looks like  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; The parts of a transcript, whether they come from history or are happening now:
;; headings, what was said, tools, thoughts and quiet notes.  Each is inserted at
;; point.

;;; Code:

(require 'meerkat-buffer)
(require 'meerkat-fold)
(require 'meerkat-json)

(defconst meerkat-entry--line-width 60
  "Columns that the arguments of a tool get in its line.")

(defun meerkat-entry-heading (who face message &optional time-ms)
  "Insert the heading of what WHO said, in FACE, at TIME-MS.
MESSAGE, a plist of :turn, :role and perhaps :index, is what forking from
here needs to know."
  (meerkat-buffer-fresh-paragraph)
  (meerkat-buffer-insert
   (propertize (concat (propertize who 'face face)
                       (if time-ms (propertize (meerkat-entry--time time-ms) 'face 'meerkat-note) ""))
               'meerkat-message message)
   "\n"))

(defun meerkat-entry--time (time-ms)
  "Return TIME-MS, milliseconds since the epoch, as a heading displays it."
  (let* ((time (seconds-to-time (/ time-ms 1000.0)))
         (today (string= (format-time-string "%F" time) (format-time-string "%F"))))
    (format-time-string (if today "  %H:%M" "  %F %H:%M") time)))

(defun meerkat-entry-prompt (text message time-ms &optional kind)
  "Insert TEXT, which the user said at TIME-MS; MESSAGE is for its heading.
KIND is nil for a prompt, else \"steer\", \"context\" or \"summary\"."
  (meerkat-entry-heading (pcase kind
                           ('nil "You")
                           ("steer" "You, while it ran")
                           ("summary" "Summary of what came before")
                           (_ "Context"))
                         'meerkat-user-heading message time-ms)
  (meerkat-buffer-insert-text (concat text "\n") 'face 'meerkat-user 'meerkat-user t))

(defun meerkat-entry-attachments (attachments)
  "Insert a line that names ATTACHMENTS, as the server lists them."
  (when (> (length attachments) 0)
    (meerkat-entry-note
     (concat "with " (mapconcat (lambda (attachment)
                                  (format "%s (%s)" (plist-get attachment :name)
                                          (file-size-human-readable (plist-get attachment :size))))
                                attachments ", ")))))

(defun meerkat-entry-speaker (name message &optional time-ms)
  "Insert the heading of what the model NAME states; MESSAGE and TIME-MS as above."
  (meerkat-entry-heading name 'meerkat-assistant-heading message time-ms))

(defun meerkat-entry-begin-answer ()
  "Begin a line for an answer, apart from lines for tools above it."
  (meerkat-buffer-fresh-line)
  (when (and (not (bobp)) (get-text-property (1- (point)) 'meerkat-fold))
    (meerkat-buffer-fresh-paragraph)))

(defun meerkat-entry--begin-fold ()
  "Begin a line for a tool or a thought, apart from an answer above it."
  (meerkat-buffer-fresh-line)
  (when (and (> (point) 2)
             (or (get-text-property (1- (point)) 'meerkat-markdown)
                 (get-text-property (- (point) 2) 'meerkat-markdown)))
    (meerkat-buffer-fresh-paragraph)))

(defun meerkat-entry-answer (text)
  "Insert TEXT, or a piece of it, that the model states."
  (meerkat-buffer-insert-text text 'meerkat-markdown t))

(defun meerkat-entry-note (text &optional face)
  "Insert TEXT as a line of its own, in FACE or quietly."
  (meerkat-buffer-fresh-line)
  (meerkat-buffer-insert-text (concat text "\n") 'face (or face 'meerkat-note)))

;;;; Tools and thoughts

(defun meerkat-entry-tool (name args state &optional result)
  "Insert a line for the call of the tool NAME with ARGS; return its fold.
STATE is what became of it: see `meerkat-entry-tool-title'.  RESULT is a
function that returns what it answered."
  (let ((fold (meerkat-fold-create
               :title (meerkat-entry-tool-title name args state)
               :body (lambda () (meerkat-entry--tool-body args (and result (funcall result)))))))
    (meerkat-entry--begin-fold)
    (meerkat-fold-insert fold)
    fold))

(defun meerkat-entry-tool-title (name args state)
  "Return the line for the tool NAME, called with ARGS.
STATE is `running', `waiting', `ok', `failed', or a text; as a cons, with
the milliseconds that it took."
  (concat (propertize (or name "tool") 'face 'meerkat-tool)
          " "
          (propertize (meerkat-json-line args meerkat-entry--line-width) 'face 'meerkat-detail)
          "  "
          (meerkat-entry--tool-state (if (consp state) (car state) state))
          (if (consp state) (propertize (format " %.1f s" (/ (cdr state) 1000.0)) 'face 'meerkat-note) "")))

(defun meerkat-entry--tool-state (state)
  "Return STATE of a tool as its mark."
  (pcase state
    ('ok (propertize "✓" 'face 'meerkat-success))
    ('failed (propertize "✗" 'face 'meerkat-failure))
    ('running (propertize "…" 'face 'meerkat-note))
    ((pred stringp) (propertize (concat "✗ " state) 'face 'meerkat-failure))))

(defun meerkat-entry--tool-body (args result)
  "Return what is behind a tool's line: ARGS and RESULT."
  (concat (meerkat-json-spread args)
          (if result (concat "\n→ " (meerkat-json-spread result)) "")))

(defun meerkat-entry-thought (title text)
  "Insert a line that states TITLE, with the reasoning behind it that TEXT yields."
  (let ((fold (meerkat-fold-create :title (propertize title 'face 'meerkat-note) :body text)))
    (meerkat-entry--begin-fold)
    (meerkat-fold-insert fold)
    fold))

(provide 'meerkat-entry)
;;; meerkat-entry.el ends here
