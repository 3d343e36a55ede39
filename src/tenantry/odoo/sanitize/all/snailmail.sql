-- Letters the template had queued would be printed, and charged, once more by every clone.
DELETE FROM snailmail_letter
 WHERE state IN ('pending', 'error');
