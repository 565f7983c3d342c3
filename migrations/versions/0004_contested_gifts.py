"""Contested gifts: a second gift, or one that breaks a rule, is not owed before it is decided. Claims without a grant. Late reversals.

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-30 02:00:00+00:00

"""
from alembic import op
import sqlalchemy as sa


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table('conflict', schema=None) as batch_op:
        batch_op.add_column(sa.Column('rule', sa.String(length=20), nullable=True))
        batch_op.alter_column('standing_act_id', existing_type=sa.String(length=40), nullable=True)
        batch_op.alter_column('bearer', existing_type=sa.String(length=10), nullable=True)
        batch_op.create_check_constraint(op.f('ck_conflict_why'), 'rule IS NOT NULL OR standing_act_id IS NOT NULL')
    with op.batch_alter_table('device', schema=None) as batch_op:
        batch_op.add_column(sa.Column('told_at', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('released_until', sa.BigInteger(), server_default='0', nullable=False))
    with op.batch_alter_table('device', schema=None) as batch_op:
        batch_op.alter_column('released_until', existing_type=sa.BigInteger(), server_default=None)
    with op.batch_alter_table('coupon', schema=None) as batch_op:
        batch_op.add_column(sa.Column('unproved', sa.Boolean(), nullable=True))
    with op.batch_alter_table('claim', schema=None) as batch_op:
        batch_op.add_column(sa.Column('unproved', sa.Boolean(), nullable=True))
    with op.batch_alter_table('reversal', schema=None) as batch_op:
        batch_op.add_column(sa.Column('late', sa.Boolean(), nullable=True))
        batch_op.create_index('ix_reversal_late', ['at'], unique=False, sqlite_where=sa.text('late'), postgresql_where=sa.text('late'))
    with op.batch_alter_table('deployment', schema=None) as batch_op:
        batch_op.add_column(sa.Column('behind_generation', sa.BigInteger(), nullable=True))


def downgrade():
    with op.batch_alter_table('deployment', schema=None) as batch_op:
        batch_op.drop_column('behind_generation')
    with op.batch_alter_table('reversal', schema=None) as batch_op:
        batch_op.drop_index('ix_reversal_late', sqlite_where=sa.text('late'), postgresql_where=sa.text('late'))
        batch_op.drop_column('late')
    with op.batch_alter_table('claim', schema=None) as batch_op:
        batch_op.drop_column('unproved')
    with op.batch_alter_table('coupon', schema=None) as batch_op:
        batch_op.drop_column('unproved')
    with op.batch_alter_table('device', schema=None) as batch_op:
        batch_op.drop_column('released_until')
        batch_op.drop_column('told_at')
    op.execute("UPDATE conflict SET bearer = 'issuer' WHERE bearer IS NULL")
    op.execute('DELETE FROM conflict WHERE standing_act_id IS NULL')
    with op.batch_alter_table('conflict', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_conflict_why'), type_='check')
        batch_op.alter_column('bearer', existing_type=sa.String(length=10), nullable=False)
        batch_op.alter_column('standing_act_id', existing_type=sa.String(length=40), nullable=False)
        batch_op.drop_column('rule')
