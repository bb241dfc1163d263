;;; meerkat-history.el --- What was said before  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; The last messages of a session are shown first, and earlier ones come in above
;; as the window nears the top, a page at a time, without moving what is read.

;;; Code:

(require 'cl-lib)
(require 'meerkat-entry)
(require 'meerkat-feed)
(require 'meerkat-transcript)

(defconst meerkat-history--near 3000
  "Characters above a window's first, below which the page before is fetched.")

(defconst meerkat-history--all-page 1000
  "Messages in a page when all are wanted: the most that the server gives.")

(defvar-local meerkat-history--offset 0
  "Index of the first message that is shown.")

(defvar-local meerkat-history--loading nil
  "Whether a page is on its way.")

;;;; Pages

(defun meerkat-history-show (page)
  "Fill the transcript of this buffer with PAGE, the last one."
  (meerkat-live-reset)
  (meerkat-buffer-write
    (delete-region (point-min) meerkat-buffer-body)
    (setq meerkat-history--offset (plist-get page :offset)
          meerkat-history--loading nil)
    (meerkat-buffer-at-end
      (meerkat-history--insert-top)
      (meerkat-history--insert (plist-get page :messages) (plist-get page :offset)))
    (meerkat-history--note-speaker page)))

(defun meerkat-history--note-speaker (page)
  "Note who spoke last in PAGE, below whose heading a running turn continues."
  (let* ((messages (plist-get page :messages))
         (last (and (> (length messages) 0) (aref messages (1- (length messages))))))
    (when (and last (not (equal (plist-get last :role) "user")))
      (setf (meerkat-live-spoke meerkat-live-now) (plist-get last :turn_id)))))

(defun meerkat-history--insert-top ()
  "Insert the line that stands for earlier messages, if there are any."
  (when (> meerkat-history--offset 0)
    (meerkat-buffer-insert
     (propertize (make-text-button (format "▲ %d earlier messages" meerkat-history--offset) nil
                                   'action (lambda (_button) (meerkat-history-load-earlier))
                                   'face 'meerkat-button
                                   'help-echo "RET fetches the page before; so does scrolling up")
                 'meerkat-earlier t)
     (propertize "\n" 'meerkat-earlier t))))

(defun meerkat-history-load-earlier (&optional all)
  "Fetch the messages before the first that is shown; ALL of them with a prefix.
Then searching finds them."
  (interactive "P")
  (cond ((zerop meerkat-history--offset) (message "meerkat: the conversation begins here"))
        ((not meerkat-history--loading) (meerkat-history--fetch all))))

(defun meerkat-history--fetch (all)
  "Fetch the page before the first message that is shown, and then ALL others."
  (setq meerkat-history--loading t)
  (let ((buffer (current-buffer)))
    (meerkat-request
     "session/history" (list :session_id (meerkat-session-id meerkat-buffer-session)
                             :before meerkat-history--offset
                             :limit (if all meerkat-history--all-page meerkat-history-page))
     :repeat t
     :catch (lambda (failure)
              (meerkat-request-report failure)
              (when (buffer-live-p buffer)
                (with-current-buffer buffer (setq meerkat-history--loading nil))))
     :then (lambda (page)
             (when (buffer-live-p buffer)
               (with-current-buffer buffer
                 (meerkat-history--prepend page)
                 (when (and all (> meerkat-history--offset 0))
                   (meerkat-history--fetch all))))))))

(defun meerkat-history--prepend (page)
  "Put PAGE above the first message that is shown."
  (let ((above nil) (below nil))
    (setq meerkat-history--offset (plist-get page :offset)
          meerkat-history--loading nil)
    (meerkat-buffer-write
      (let ((top (meerkat-history--top-end)))
        (setq above (meerkat-history--windows-above top))
        (delete-region (point-min) top)
        (goto-char (point-min))
        (meerkat-history--insert-top)
        (meerkat-history--insert (plist-get page :messages) meerkat-history--offset)
        (meerkat-buffer-fresh-paragraph)
        (setq below (point))))
    (meerkat-history--keep-view above below)))

(defun meerkat-history--top-end ()
  "Return where the line for earlier messages ends."
  (goto-char (point-min))
  (if (get-text-property (point) 'meerkat-earlier)
      (next-single-property-change (point) 'meerkat-earlier nil (point-max))
    (point-min)))

(defun meerkat-history--windows-above (position)
  "Return the windows of this buffer that begin at POSITION or above it."
  (cl-remove-if (lambda (window) (> (window-start window) position))
                (get-buffer-window-list nil nil t)))

(defun meerkat-history--keep-view (windows position)
  "Let WINDOWS begin at POSITION, where what they showed is now."
  (dolist (window windows)
    (set-window-start window position t)
    (when (< (window-point window) position)
      (set-window-point window position)
      (when (eq window (selected-window)) (goto-char position)))))

(defun meerkat-history-scrolled (window start)
  "Fetch earlier messages if WINDOW, which begins at START, nears the top."
  (let ((buffer (window-buffer window)))
    (when (and (< (- start (point-min)) meerkat-history--near)
               (> (buffer-local-value 'meerkat-history--offset buffer) 0)
               (not (buffer-local-value 'meerkat-history--loading buffer)))
      (run-with-timer 0 nil #'meerkat-history--load-if-near window buffer))))

(defun meerkat-history--load-if-near (window buffer)
  "Fetch earlier messages if WINDOW still displays BUFFER near its top."
  (when (and (window-live-p window) (eq (window-buffer window) buffer))
    (with-current-buffer buffer
      (when (and (< (- (window-start window) (point-min)) meerkat-history--near)
                 (> meerkat-history--offset 0)
                 (not meerkat-history--loading))
        (meerkat-history--fetch nil)))))

;;;; Messages

(defun meerkat-history--insert (messages offset)
  "Insert MESSAGES, a vector, at point; the first of them has index OFFSET."
  (let ((results (meerkat-history--results messages))
        (spoke nil))
    (cl-loop for message across messages
             for index from offset
             do (setq spoke (meerkat-history--message message index spoke results)))))

(defun meerkat-history--results (messages)
  "Return a table of what tools answered in MESSAGES, by turn and call."
  (let ((results (make-hash-table :test #'equal)))
    (cl-loop for message across messages
             for result = (plist-get message :tool_result)
             when result
             do (puthash (cons (plist-get message :turn_id) (plist-get result :id)) message results))
    results))

(defun meerkat-history--message (message index spoke results)
  "Insert MESSAGE, whose place is INDEX; return the turn that has a heading.
SPOKE is the turn that has one already; RESULTS is what tools answered."
  (let ((turn (plist-get message :turn_id)))
    (pcase (plist-get message :role)
      ("user" (meerkat-history--user message index) nil)
      ("assistant"
       (unless (equal spoke turn)
         (meerkat-entry-speaker (meerkat-session-speaker meerkat-buffer-session)
                                (list :turn turn :role "assistant" :index index)
                                (plist-get message :timestamp_ms)))
       (meerkat-history--answer message results)
       turn)
      (_ spoke))))

(defun meerkat-history--user (message index)
  "Insert MESSAGE, which the user said; its place is INDEX."
  (meerkat-entry-prompt (plist-get message :content)
                        (list :turn (plist-get message :turn_id) :role "user" :index index)
                        (plist-get message :timestamp_ms)
                        (plist-get message :kind))
  (meerkat-entry-attachments (plist-get message :attachments)))

(defun meerkat-history--answer (message results)
  "Insert MESSAGE, which the model said, with what its tools answered from RESULTS."
  (let ((reasoning (plist-get message :reasoning))
        (content (or (plist-get message :content) "")))
    (unless (string-empty-p (or reasoning ""))
      (meerkat-entry-thought "thought" (lambda () reasoning)))
    (unless (string-empty-p content)
      (meerkat-entry-begin-answer)
      (meerkat-entry-answer content)
      (meerkat-buffer-fresh-line))
    (cl-loop for call across (or (plist-get message :tool_calls) [])
             do (meerkat-history--tool call (gethash (cons (plist-get message :turn_id) (plist-get call :id))
                                                     results)))
    (when (eq (plist-get message :partial) t)
      (meerkat-entry-note "■ interrupted"))))

(defun meerkat-history--tool (call answer)
  "Insert a line for CALL, to which the message ANSWER, if any, is the answer."
  (let ((result (plist-get answer :tool_result)))
    (meerkat-entry-tool (plist-get call :name) (plist-get call :args)
                        (cond ((null answer) nil)
                              ((eq (plist-get result :is_error) t) 'failed)
                              (t 'ok))
                        (and answer (lambda () (plist-get answer :content))))))

(provide 'meerkat-history)
;;; meerkat-history.el ends here
