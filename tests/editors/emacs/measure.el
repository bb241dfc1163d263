;;; measure.el --- How fast the package is  -*- lexical-binding: t; -*-

;;; Commentary:

;; Loaded into an Emacs in a terminal.  What was measured goes to a file, in
;; milliseconds.

;;; Code:

(require 'meerkat)

(defun measure--say (file &rest values)
  "Write VALUES to FILE, at once."
  (with-temp-buffer
    (insert (mapconcat (lambda (value) (format "%s" value)) values " "))
    (let ((new (concat file ".new")))
      (write-region nil nil new nil 'quiet)
      (rename-file new file t))))

;;;; A long session

(defun measure-opening (id times file)
  "Open the session ID TIMES times; write to FILE how long each took."
  (measure--open id times nil file))

(defun measure--open (id times took file)
  "Open the session ID TIMES times more; TOOK: how long it took before.
All of it goes to FILE."
  (if (zerop times)
      (apply #'measure--say file took)
    (let ((began (float-time)))
      (setq meerkat-session-opened-functions
            (list (lambda (_id)
                    (redisplay t)
                    (unless (pos-visible-in-window-p (point-max) (get-buffer-window (current-buffer)))
                      (error "The end isn't shown"))
                    (let ((milliseconds (* 1000 (- (float-time) began)))
                          (buffer (current-buffer)))
                      (run-with-timer 0.3 nil (lambda ()
                                                (kill-buffer buffer)
                                                (measure--open id (1- times) (cons milliseconds took) file)))))))
      (meerkat-chat-open id t))))

;;;; A fast answer

(defconst measure--every 0.01
  "Seconds between two beats of the timer that is to be late.")

(defun measure-streaming (id file)
  "Ask in the session ID; write to FILE the total, the longest stall and the words shown."
  (let ((began nil) (last nil) (worst 0))
    (meerkat-chat-open id t)
    (run-with-timer
     1 nil
     (lambda ()
       (setq began (float-time)
             last (float-time))
       (run-with-timer measure--every measure--every
                       (lambda ()
                         (let ((now (float-time)))
                           (setq worst (max worst (- now last measure--every))
                                 last now))))
       (add-hook 'meerkat-turn-ended-functions
                 (lambda (&rest _ended)
                   (run-with-timer 0 nil (lambda () (measure--streamed id began worst file)))))
       (meerkat-compose-submit (meerkat-session-find id) "Go on.")))))

(defun measure--streamed (id began worst file)
  "Write to FILE how the answer of the session ID came.
BEGAN: when it was asked for.  WORST: the longest stall so far."
  (redisplay t)
  (let ((total (- (float-time) began)))
    (with-current-buffer (meerkat-session-buffer (meerkat-session-find id))
      (measure--say file (* 1000 total) (* 1000 worst) (how-many "word" (point-min) (point-max))))))

(provide 'measure)
;;; measure.el ends here
