# minicon's hook for PowerShell. `activate` and `deactivate` evaluate code that the program prints.
# The line before this file defines MINICON_EXE; functions of another name set $__MiniconAs.
$Env:_MINICON_HOOK = $PID
function minicon {
    $Program = if ($__MiniconAs) { $__MiniconAs } else { $Env:MINICON_EXE }
    $Words = @($args)
    $First = if ($Words.Count -gt 0) { [string]$Words[0] } else { '' }
    $Changing = 'install', 'update', 'upgrade', 'remove', 'uninstall', 'rollback', 'undo', 'redo', 'sync',
        'apply', 'env'
    $Help = $Words -contains '-h' -or $Words -contains '--help'
    if ($First -notin 'activate', 'deactivate' -or $Help) {
        & $Program @Words
        if ($LASTEXITCODE -ne 0 -or $First -notin $Changing -or -not $Env:CONDA_PREFIX) { return }
        $Words = @('reactivate')
    }
    # The program writes UTF-8; PowerShell would decode it with the console's code page.
    $Encoding = [Console]::OutputEncoding
    try {
        [Console]::OutputEncoding = New-Object System.Text.UTF8Encoding $false
        $Text = @(& $Program 'shell.powershell' @Words) -join "`n"
    } finally { [Console]::OutputEncoding = $Encoding }
    if ($LASTEXITCODE -eq 0 -and $Text.Trim()) { . ([ScriptBlock]::Create($Text)) }
}

if (-not (Test-Path Function:\__MiniconOriginalPrompt)) {
    if (Test-Path Function:\prompt) {
        Copy-Item Function:\prompt Function:\global:__MiniconOriginalPrompt
    } else {
        function global:__MiniconOriginalPrompt { "PS $($executionContext.SessionState.Path.CurrentLocation)> " }
    }
    function global:prompt {
        if ($Env:CONDA_PROMPT_MODIFIER) { $Env:CONDA_PROMPT_MODIFIER | Write-Host -NoNewline }
        __MiniconOriginalPrompt
    }
}
