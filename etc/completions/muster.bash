# bash completion for muster
# SPDX-License-Identifier: Apache-2.0

_muster_options()
{
	case $1 in
	scan) echo "--zone --dry-run --detach" ;;
	import) echo "--zone --profile --covers --detach" ;;
	interfaces) echo "--columns --sort --limit --at --add --remove --undo --observation --dry-run" ;;
	runs) echo "--columns --sort --limit --detach" ;;
	profiles) echo "--columns --sort --limit --conf" ;;
	labels) echo "--columns --sort --limit --when --set --disabled" ;;
	locations | zones | secrets) echo "--columns --sort --limit" ;;
	store) echo "--force" ;;
	coverage) echo "--older-than --zone --columns --sort --limit" ;;
	plugins) echo "--text --remove" ;;
	esac
}

_muster_verbs()
{
	case $1 in
	interfaces) echo "list show history columns label ignore unmerge" ;;
	runs) echo "list show watch cancel retry" ;;
	profiles) echo "list show test" ;;
	zones) echo "list show" ;;
	labels) echo "list add remove test" ;;
	locations) echo "list import" ;;
	secrets) echo "list set remove" ;;
	store) echo "stats backup restore verify" ;;
	plugins) echo "list show check setup" ;;
	config) echo "check reload provision" ;;
	completion) echo "bash methods options columns profiles zones" ;;
	esac
}

_muster()
{
	local commands="status scan import interfaces runs coverage labels locations profiles zones secrets store plugins config completion help"
	local globals="--server --store --private --config --plugin-dir --json --ndjson --csv --color --quiet --help --version"
	local states="state=managed state=unmanaged state=unmanageable state=ignored state=lost"
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= verb= i
	COMPREPLY=()

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--server | --store | --config | --plugin-dir | --color | --sort | --limit | --zone | --profile | --when | --set) ((i++)) ;;
		-*) ;;
		*)
			if [[ -z $command ]]; then
				command=${COMP_WORDS[i]}
			elif [[ -z $verb ]]; then
				verb=${COMP_WORDS[i]}
			fi
			;;
		esac
	done

	case $prev in
	--server | --store | --config)
		COMPREPLY=($(compgen -f -- "$cur"))
		return
		;;
	--plugin-dir)
		COMPREPLY=($(compgen -d -- "$cur"))
		return
		;;
	--color)
		COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
		return
		;;
	--columns | --sort)
		# The last of several with commas; a sort may be turned round.
		local before=${cur%"${cur##*[,-]}"}
		COMPREPLY=($(compgen -P "$before" -W "$(muster completion columns "${command:-interfaces}" 2>/dev/null)" -- "${cur#"$before"}"))
		return
		;;
	--zone)
		COMPREPLY=($(compgen -W "$(muster completion zones 2>/dev/null)" -- "$cur"))
		return
		;;
	--set)
		COMPREPLY=($(compgen -W "label ignore unmanageable managed notify purge" -- "$cur"))
		return
		;;
	esac

	if [[ $cur == -* ]]; then
		local options="$(_muster_options "$command") $globals"
		if [[ $command == scan && -n $verb ]]; then
			options+=" $(muster completion options "$verb" 2>/dev/null)"
		fi
		COMPREPLY=($(compgen -W "$options" -- "$cur"))
	elif [[ -z $command ]]; then
		COMPREPLY=($(compgen -W "$commands" -- "$cur"))
	elif [[ -z $verb ]]; then
		case $command in
		help) COMPREPLY=($(compgen -W "$commands" -- "$cur")) ;;
		scan) COMPREPLY=($(compgen -W "$(muster completion methods 2>/dev/null) $(muster completion profiles 2>/dev/null)" -- "$cur")) ;;
		import) COMPREPLY=($(compgen -W "$(muster completion methods 2>/dev/null)" -- "$cur")) ;;
		interfaces) COMPREPLY=($(compgen -W "$(_muster_verbs interfaces) $states" -- "$cur")) ;;
		*) COMPREPLY=($(compgen -W "$(_muster_verbs "$command")" -- "$cur")) ;;
		esac
	else
		case $command/$verb in
		import/* | plugins/check | config/check | config/provision | locations/import | store/backup | store/restore) COMPREPLY=($(compgen -f -- "$cur")) ;;
		plugins/setup | plugins/show | help/scan) COMPREPLY=($(compgen -W "$(muster completion methods 2>/dev/null)" -- "$cur")) ;;
		profiles/show | profiles/test) COMPREPLY=($(compgen -W "$(muster completion profiles 2>/dev/null)" -- "$cur")) ;;
		zones/show) COMPREPLY=($(compgen -W "$(muster completion zones 2>/dev/null)" -- "$cur")) ;;
		completion/columns) COMPREPLY=($(compgen -W "interfaces runs coverage zones profiles labels locations secrets" -- "$cur")) ;;
		completion/options) COMPREPLY=($(compgen -W "$(muster completion methods 2>/dev/null)" -- "$cur")) ;;
		interfaces/list | interfaces/label | interfaces/ignore) COMPREPLY=($(compgen -W "$states" -- "$cur")) ;;
		esac
	fi
}
complete -o default -F _muster muster
