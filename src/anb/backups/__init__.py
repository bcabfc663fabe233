"""All of a contest at one moment, in a folder or a bucket, and back again.

    TO/files/<key>                      stored objects; shared by all backups in TO, for a key's content never changes
    TO/<moment>/tables/<table>.jsonl.gz the rows, in an order that they may be inserted in
    TO/<moment>/files.jsonl.gz          key, size and SHA-256 of each object that the rows name
    TO/<moment>/manifest.json           written last: a backup without it is none
    TO/.lock                            held by each that is being written, in a folder

Rows are written in words that both databases understand (`rows.py`), so a backup of the one is restored into the other.
"""
