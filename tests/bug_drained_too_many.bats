# When very many connections end at once they are closed a few a turn, and those that were yet to be
# closed when a stop began were counted as drained by it, though their clients had left before.
# shellcheck shell=bash
load handler

@test "a stop does not count connections that had ended before it began" {
	start_noded
	script <<-'END'
		import signal
		from peers import *
		from admin_client import request
		node, stopper, pid = Node(), Node(), int(os.environ["NODED_PID"])
		address = node.serve("unix:")
		many = [connect(address) for _ in range(700)]
		five = [connect(address) for _ in range(5)]
		node.until_open(address, len(many) + len(five))
		# noded hears of all of these before it hears of the stop, and has not closed them by then.
		os.kill(pid, signal.SIGSTOP)
		for client in many:
		    client.close()
		stopper.send(request("stop_server", address=address))
		os.kill(pid, signal.SIGCONT)
		node.until_open(address, len(five))
		for client in five:
		    client.close()
		result = stopper.reply()["result"]
		expect([result[key] for key in ("outcome", "drained", "stopped", "killed")],
		       ["drained", len(five), 0, 0])
	END
}
