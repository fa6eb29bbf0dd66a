"""What runs in Lambda: thin entry points over pure functions.

An event becomes a typed value, a pure function decides, and only then is AWS called: `intake` turns an
upload into a run, `progress` follows its jobs, `reconcile` mends what fell between, `fleet` keeps HQ's
table. The ledger (`ledger`) holds the truth; `status.json` and HQ's table are made from it and can be made
again at any time.
"""
