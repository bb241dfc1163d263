;;; meerkat-fork.el --- Going on in a copy  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; A copy of a session ends behind an answer, or before a prompt, which can then
;; be asked differently.

;;; Code:

(require 'seq)
(require 'meerkat-actions)
(require 'meerkat-chat)

;;;###autoload
(defun meerkat-fork ()
  "Go on from here in a session of its own; the one at hand stays as it is.
In a conversation, \"here\" is the message at point: the copy ends behind
an answer, and before a prompt, which is there to be edited.  From the
prompt, or elsewhere, everything is copied."
  (interactive)
  (let ((message (and meerkat-buffer-session
                      (not (meerkat-buffer-in-prompt-p))
                      (meerkat-chat-message-here))))
    (meerkat-actions-with
     "Fork" nil
     (lambda (id _title)
       (meerkat-fork--locate
        id message
        (lambda (index prompt)
          (meerkat-request "session/fork_at" (list :session_id id :message_index index)
                           :then (lambda (result) (meerkat-fork--forked result prompt)))))))))

(defconst meerkat-fork--window 1000
  "Messages among which one is looked for.")

(defun meerkat-fork--locate (id message then)
  "Find where the session ID is to be cut for MESSAGE, nil for its end.
THEN is called with the index and, where a prompt is cut away, with that."
  (meerkat-request
   "session/history"
   (append (list :session_id id :limit meerkat-fork--window)
           (if (plist-get message :index)
               (list :offset (plist-get message :index))
             (list :latest t)))
   :repeat t
   :then (lambda (page) (apply then (meerkat-fork--cut message page)))))

(defun meerkat-fork--cut (message page)
  "Return index and prompt at which to cut for MESSAGE, which is in PAGE."
  (let* ((messages (append (plist-get page :messages) nil))
         (turn (plist-get message :turn))
         (of-turn (lambda (other) (equal (plist-get other :turn_id) turn)))
         (first (and turn (seq-position messages turn (lambda (other _) (funcall of-turn other))))))
    (cond ((null first) (list (plist-get page :message_count) nil))
          ((equal (plist-get message :role) "user")
           (list (+ (plist-get page :offset) first) (plist-get (nth first messages) :content)))
          (t (list (+ (plist-get page :offset) first
                      (length (seq-take-while of-turn (nthcdr first messages))))
                   nil)))))

(defun meerkat-fork--forked (result prompt)
  "Show the session of RESULT, with PROMPT to be edited."
  (meerkat-list-refresh)
  (with-current-buffer (meerkat-chat-open (plist-get result :session_id) t)
    (when prompt (meerkat-buffer-set-prompt-text prompt)))
  (message "meerkat: this is the copy; the other session stays as it is"))

(provide 'meerkat-fork)
;;; meerkat-fork.el ends here
