;;; meerkat-approval.el --- Questions that wait for an answer  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; What waits is shown right above the prompt, with a button and a digit for each
;; answer.  Whoever answers first, here or elsewhere, has decided.

;;; Code:

(require 'cl-lib)
(require 'subr-x)
(require 'meerkat-buffer)
(require 'meerkat-json)
(require 'meerkat-session)

(defconst meerkat-approval--detail-lines 12
  "Lines of details that are shown; the question must stay on the screen.")

(defun meerkat-approval-answers (approval)
  "Return the answers to APPROVAL, in the order of their digits.
Each is a list: what its button says, the choice, how it is remembered."
  (let ((choices (append (plist-get approval :choices) nil))
        (rule (plist-get approval :rule)))
    (if (null rule)
        (mapcar (lambda (choice) (list choice choice "once")) choices)
      (append (meerkat-approval--remembered (car choices) rule)
              (mapcar (lambda (choice) (list choice choice "once")) (cdr choices))))))

(defun meerkat-approval--remembered (choice rule)
  "Return the ways to give the answer CHOICE, which RULE can stand for."
  (list (list (concat choice " once") choice "once")
        (list (concat choice " for this session") choice "session")
        (list (format "always %s %s" choice (truncate-string-to-width rule 40 nil nil "…"))
              choice "always")))

(defun meerkat-approval-text (approval)
  "Return APPROVAL as the foot of a chat displays it."
  (propertize
   (concat (propertize (format "? %s\n" (plist-get approval :summary)) 'face 'meerkat-waiting-heading)
           (meerkat-approval--details approval)
           (meerkat-approval--buttons approval))
   'meerkat-approval (plist-get approval :approval_id)))

(defun meerkat-approval--details (approval)
  "Return the first lines of APPROVAL's details, if they say more than its summary."
  (let* ((text (meerkat-json-spread (plist-get approval :details)))
         (lines (split-string text "\n"))
         (shown (seq-take lines meerkat-approval--detail-lines)))
    (if (string-empty-p text)
        ""
      (propertize (concat "  " (string-join shown "\n  ")
                          (if (> (length lines) (length shown)) "\n  …" "") "\n")
                  'face '(meerkat-detail meerkat-waiting)))))

(defun meerkat-approval--buttons (approval)
  "Return a line with a button for each answer to APPROVAL."
  (let ((id (plist-get approval :approval_id)))
    (concat
     (propertize "  " 'face 'meerkat-waiting)
     (mapconcat
      #'identity
      (cl-loop for (label choice remember) in (meerkat-approval-answers approval)
               for digit from 1
               collect (make-text-button (format "[%d %s]" digit label) nil
                                         'action #'meerkat-approval--press
                                         'face '(meerkat-button meerkat-waiting)
                                         'help-echo (format "%s (press %d)" label digit)
                                         'meerkat-answer (list id choice remember)))
      (propertize "  " 'face 'meerkat-waiting))
     (propertize "\n" 'face 'meerkat-waiting))))

(defun meerkat-approval--press (button)
  "Give the answer that BUTTON stands for."
  (apply #'meerkat-approval-respond (button-get button 'meerkat-answer)))

(defun meerkat-approval-respond (id choice remember)
  "Answer the question ID with CHOICE, and REMEMBER it."
  (meerkat-request "approval/respond" (list :approval_id id :choice choice :remember remember)
                   :repeat t
                   :then (lambda (result) (meerkat-approval--answered choice result))))

(defun meerkat-approval--answered (choice result)
  "Say so if RESULT, the answer that stands, is another than CHOICE."
  (unless (equal choice (plist-get result :choice))
    (message "meerkat: somebody was faster: %s" (plist-get result :choice))))

;;;; Digits

(defun meerkat-approval-current ()
  "Return the question that a digit answers here: the first that waits, or nil."
  (and meerkat-buffer-session
       (car (meerkat-session-approvals meerkat-buffer-session))))

(defun meerkat-approval--digit-filter (command)
  "Return COMMAND where a digit is an answer, nil where it is text.
It is text in a prompt in which something is written."
  (and (meerkat-approval-current)
       (or (not (meerkat-buffer-in-prompt-p))
           (string-empty-p (meerkat-buffer-prompt-text)))
       command))

(defun meerkat-approval-answer-digit ()
  "Give the answer whose digit was pressed."
  (interactive)
  (meerkat-approval-answer-nth (- (event-basic-type last-command-event) ?0)))

(defun meerkat-approval-answer-nth (digit)
  "Give the answer number DIGIT to the first question that waits."
  (let* ((approval (meerkat-approval-current))
         (answer (and approval (nth (1- digit) (meerkat-approval-answers approval)))))
    (if answer
        (meerkat-approval-respond (plist-get approval :approval_id) (nth 1 answer) (nth 2 answer))
      (message "meerkat: there is no answer %d" digit))))

(defun meerkat-approval-define-digits (map)
  "Let 1 to 9 in MAP answer, where something waits and they aren't text."
  (dotimes (index 9)
    (define-key map (kbd (number-to-string (1+ index)))
      '(menu-item "" meerkat-approval-answer-digit :filter meerkat-approval--digit-filter))))

;;;; Commands

;;;###autoload
(defun meerkat-approve ()
  "Give the first answer to what waits here, or in the session that waits."
  (interactive)
  (meerkat-approval--answer-anywhere #'car))

;;;###autoload
(defun meerkat-deny ()
  "Give the last answer to what waits here, or in the session that waits."
  (interactive)
  (meerkat-approval--answer-anywhere (lambda (answers) (car (last answers)))))

(defun meerkat-approval--answer-anywhere (pick)
  "Answer what waits with what PICK yields of its answers."
  (let ((approval (or (meerkat-approval-current)
                      (seq-some (lambda (session) (car (meerkat-session-approvals session)))
                                (meerkat-session-open-ones)))))
    (if (null approval)
        (message "meerkat: nothing waits for you")
      (pcase-let ((`(,label ,choice ,remember) (funcall pick (meerkat-approval-answers approval))))
        (meerkat-approval-respond (plist-get approval :approval_id) choice remember)
        (message "meerkat: %s — %s" (plist-get approval :summary) label)))))

(provide 'meerkat-approval)
;;; meerkat-approval.el ends here
