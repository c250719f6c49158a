"""SFT-PG (B) (Fan & Lee 2023, algorithm 1) in PyTorch, as a user would write it: the work of a round of Beeline."""

import torch

import networks


class Chain:
    """DDPM's ancestral sampling on `steps` evenly spaced steps with its small or large variance; step 0 is the noisiest."""

    def __init__(self, betas, steps, large=False, final_sigma=None):
        alpha_bar = torch.cumprod(1 - betas.double(), 0)
        times = torch.linspace(len(betas) - 1, 0, steps).long()
        here = alpha_bar[times]
        after = torch.cat([here[1:], torch.ones(1, dtype=here.dtype)])
        sigma = ((1 - here / after) * (1 - after) / (1 - here)).sqrt()
        noise = (1 - after - sigma**2).clamp(min=0).sqrt()
        self.steps, self.times = steps, times
        self.state = (after / here).sqrt().float()
        self.noise = (noise - ((1 - here) * after / here).sqrt()).float()
        if large:
            sigma = (1 - here / after).sqrt()
        if final_sigma is not None:
            sigma[-1] = final_sigma
        self.sigma = sigma.float()


def image_chain():
    return Chain(torch.linspace(1e-4, 0.02, 1000), networks.STEPS, final_sigma=0.001)


def point_chain():
    return Chain(1e-5 + (1e-2 - 1e-5) * torch.sigmoid(torch.linspace(-6, 6, networks.STEPS)), networks.STEPS, large=True)


@torch.no_grad()
def rollout(network, chain, x):
    """All states of the chain from the noise x: (steps + 1, batch, …)."""
    states = [x]
    for i in range(chain.steps):
        epsilon = network(x, chain.times[i].expand(len(x)))
        x = chain.state[i] * x + chain.noise[i] * epsilon + chain.sigma[i] * torch.randn_like(x)
        states.append(x)
    return torch.stack(states)


class Trainer:
    """The three networks with their optimisers, and rounds on `data`."""

    def __init__(self, name, chain, data, layout, settings):
        self.chain, self.data, self.layout, self.settings = chain, data, layout, settings
        self.policy, self.critic, self.value = (make(name) for make in (networks.policy, networks.critic, networks.value))
        if layout == torch.channels_last:
            self.policy, self.critic = self.policy.to(memory_format=layout), self.critic.to(memory_format=layout)
        self.optimise_policy = torch.optim.Adam(self.policy.parameters(), lr=settings.policy_rate)
        self.optimise_critic = torch.optim.AdamW(self.critic.parameters(), lr=settings.critic_rate,
                                                 weight_decay=settings.critic_decay)
        self.optimise_value = torch.optim.Adam(self.value.parameters(), lr=settings.critic_rate)
        self.average = [p.detach().clone() for p in self.policy.parameters()] if settings.average else None

    def parameters(self):
        return sum(p.numel() for network in (self.policy, self.critic, self.value) for p in network.parameters())

    def laid_out(self, x):
        return x.contiguous(memory_format=self.layout) if x.dim() == 4 else x

    def round(self):
        batch, shape = self.settings.batch, self.data.shape[1:]
        trajectories = [rollout(self.policy, self.chain, self.laid_out(torch.randn(batch, *shape)))
                        for _ in range(self.settings.n_critic)]
        for _ in range(self.settings.critic_epochs):
            for states in trajectories:
                self.improve_critic(states)
        self.improve_policy(trajectories)

    def values_of(self, states):
        """V of all states but the last: (steps, batch)."""
        steps, batch = states.shape[0] - 1, states.shape[1]
        step = torch.arange(steps).repeat_interleave(batch)
        return self.value(states[:-1].flatten(0, 1), step).view(steps, batch)

    def improve_critic(self, states):
        real = self.data[torch.randint(len(self.data), (self.settings.batch,))]
        on_real, on_fake = self.critic(self.laid_out(torch.cat([real, states[-1]]))).chunk(2)
        error = self.values_of(states) - on_fake
        loss = on_real.mean() - on_fake.mean() + self.settings.weight * (error**2).sum(0).mean()
        self.optimise_critic.zero_grad(set_to_none=True)
        self.optimise_value.zero_grad(set_to_none=True)
        loss.backward()
        self.optimise_critic.step()
        self.optimise_value.step()

    @torch.no_grad()
    def advantages(self, states):
        """Generalised advantage estimation with no cost but f at the end."""
        cost, values = self.critic(self.laid_out(states[-1])), self.values_of(states)
        following = torch.cat([values[1:], cost[None]])
        result, later = torch.empty_like(values), torch.zeros_like(cost)
        for i in reversed(range(len(values))):
            later = following[i] - values[i] + self.settings.trace * later
            result[i] = later
        return result

    def improve_policy(self, trajectories):
        chain, batch = self.chain, self.settings.batch
        advantage = torch.cat([self.advantages(states).flatten() for states in trajectories])
        state = torch.cat([states[:-1].flatten(0, 1) for states in trajectories])
        after = torch.cat([states[1:].flatten(0, 1) for states in trajectories])
        step = torch.arange(chain.steps).repeat_interleave(batch).repeat(len(trajectories))
        order = torch.randperm(len(step))
        for k in range(self.settings.n_generator):
            chosen = order[k * batch : (k + 1) * batch]
            self.policy_step(self.laid_out(state[chosen]), self.laid_out(after[chosen]), step[chosen], advantage[chosen])

    def policy_step(self, x, after, step, advantage):
        chain, column = self.chain, (-1,) + (1,) * (x.dim() - 1)
        factor, noise, sigma = (v[step].view(column) for v in (chain.state, chain.noise, chain.sigma))
        mean = factor * x + noise * self.policy(x, chain.times[step])
        log_density = -((after - mean) ** 2) / (2 * sigma**2) - sigma.log()
        log_density = log_density.flatten(1).sum(1) if self.settings.sums else log_density.flatten(1).mean(1)
        self.optimise_policy.zero_grad(set_to_none=True)
        (advantage * log_density).mean().backward()
        if self.settings.clip:
            torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.settings.clip)
        self.optimise_policy.step()
        if self.average:
            with torch.no_grad():
                torch._foreach_mul_(self.average, self.settings.average)
                torch._foreach_add_(self.average, list(self.policy.parameters()), alpha=1 - self.settings.average)
