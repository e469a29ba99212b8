# minicon's hook for xonsh. `activate` and `deactivate` evaluate code that the program prints.
def _minicon(args, program=None):
    import subprocess

    program = program or __xonsh__.env["MINICON_EXE"]
    changing = ("install", "update", "upgrade", "remove", "uninstall", "rollback", "undo", "redo", "sync",
                "apply", "env")
    words = list(args)
    if words[:1] not in (["activate"], ["deactivate"]) or set(words) & {"-h", "--help"}:
        code = subprocess.run([program, *words], env=__xonsh__.env.detype()).returncode
        if code or words[:1] == [] or words[0] not in changing or "CONDA_PREFIX" not in __xonsh__.env:
            return code
        words = ["reactivate"]
    result = subprocess.run(
        [program, "shell.xonsh", *words], env=__xonsh__.env.detype(), stdout=subprocess.PIPE
    )
    if result.returncode == 0:
        __xonsh__.execer.exec(
            result.stdout.decode("utf-8", "surrogateescape"), glbs=__xonsh__.ctx, filename="minicon"
        )
    return result.returncode


aliases["minicon"] = _minicon
__xonsh__.env["_MINICON_HOOK"] = str(__import__("os").getpid())

if "{env_name}" not in str(__xonsh__.env.get("PROMPT", "")):
    __xonsh__.env["PROMPT_FIELDS"]["minicon_env"] = lambda: __xonsh__.env.get(
        "CONDA_PROMPT_MODIFIER", ""
    )
