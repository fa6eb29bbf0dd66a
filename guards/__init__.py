"""Guards: what keeps something bad out, each taken away in turn, and the test that then must fail.

`rollout` lists the gates of a release, a pull request and a rollout, `security` the controls of
docs/security.md. What keeps a sample from being lost or run twice is the fault campaign's: `campaign.guards`.
"""
