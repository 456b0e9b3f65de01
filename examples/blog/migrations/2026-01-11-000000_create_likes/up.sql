-- Who likes what. How many do is a counter.
CREATE TABLE likes (
  post_id INTEGER NOT NULL REFERENCES posts (id),
  reader TEXT NOT NULL,
  PRIMARY KEY (post_id, reader)
);
