"""From a request to a plan.

::

    environment_requests ─> ChangeRequest ─ context ─> PlanningContext ─ solving ─> Solution
                                                                        planning ─> Plan
    plan_effects: what carrying it out will run     plan_files: save it, and read it again
"""
