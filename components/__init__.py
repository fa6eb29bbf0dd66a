"""What an office is made of, as Pulumi components: `BranchSite` wires a branch, `Headquarters` adds the
fleet's home.
"""
